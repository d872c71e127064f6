#include <errno.h>

#include "fuse-gcs/mount_flags.h"
#include "lib/base/str.h"

/* Who names a machine gets what gcsfuse shows there: on all but the fast ones no directories
 * without a placeholder. */
static int mount_flags_check_machine(struct mount_flags *f, struct errmsg *em) {
        static const char *const fast[] = {
#define MACHINE(type) type,
#include "fuse-gcs/machine_types.def"
#undef MACHINE
        };
        const char *type = mount_flags_str(f, FLAGS_machine_type);

        if (!*type || mount_flags_bool(f, FLAGS_disable_autoconfig))
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(fast); i++)
                if (str_eq(type, fast[i]))
                        return 0;
        return mount_flags_set(f, FLAGS_implicit_dirs, "false", FLAGS_PROFILE, em);
}

static int mount_flags_check_profile(struct mount_flags *f, struct errmsg *em) {
        const char *profile = mount_flags_str(f, FLAGS_profile);
        bool checkpointing = str_eq(profile, "aiml-checkpointing");
        int r;

        if (!*profile)
                return 0;
        if (!checkpointing && !str_eq(profile, "aiml-training") && !str_eq(profile, "aiml-serving"))
                return errmsg_fail(em, -EINVAL,
                                   "--profile=%s: want aiml-training, aiml-serving or "
                                   "aiml-checkpointing",
                                   profile);
        r = mount_flags_set(f, FLAGS_implicit_dirs, "true", FLAGS_PROFILE, em);
        if (r >= 0)
                r = mount_flags_set(f, FLAGS_metadata_cache_ttl_secs, "-1", FLAGS_PROFILE, em);
        if (r >= 0)
                r = mount_flags_set(f, FLAGS_metadata_cache_negative_ttl_secs, "0", FLAGS_PROFILE,
                                    em);
        if (r >= 0)
                r = mount_flags_set(f, FLAGS_stat_cache_max_size_mb, "-1", FLAGS_PROFILE, em);
        if (r >= 0 && checkpointing)
                r = mount_flags_set(f, FLAGS_rename_dir_limit, "200000", FLAGS_PROFILE, em);
        if (r >= 0 && str_eq(profile, "aiml-serving"))
                r = mount_flags_set(f, FLAGS_kernel_list_cache_ttl_secs, "-1", FLAGS_PROFILE, em);
        return r;
}

static int mount_flags_check_range(const struct mount_flags *f, struct errmsg *em) {
        static const struct {
                enum mount_flags_id id;
                int64_t least, most;
        } ranges[] = {
                {FLAGS_metadata_cache_ttl_secs, -1, INT32_MAX},
                {FLAGS_metadata_cache_negative_ttl_secs, -1, INT32_MAX},
                {FLAGS_stat_cache_max_size_mb, -1, INT32_MAX},
                {FLAGS_kernel_list_cache_ttl_secs, -1, INT32_MAX},
                {FLAGS_file_cache_max_size_mb, -1, INT32_MAX},
                {FLAGS_chunk_retry_deadline_secs, 0, INT32_MAX},
                {FLAGS_chunk_transfer_timeout_secs, 0, INT32_MAX},
                {FLAGS_max_retry_attempts, 0, INT32_MAX},
                {FLAGS_prometheus_port, 0, 65535},
                {FLAGS_read_cache_size_mb, 4, 1 << 20},
                {FLAGS_read_ahead_max_mb, 0, 1 << 20},
                {FLAGS_read_random_seek_threshold, 0, INT32_MAX},
                {FLAGS_rename_dir_limit, 0, INT32_MAX},
                {FLAGS_temp_max_size_mb, 0, INT32_MAX},
                {FLAGS_write_global_max_blocks, -1, INT32_MAX},
                {FLAGS_parallel_uploads_per_file, -1, 64},
                {FLAGS_max_conns_per_host, 0, 10000},
                {FLAGS_max_read_ahead_kb, 0, 1 << 20},
        };

        for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
                int64_t v = mount_flags_int(f, ranges[i].id);

                if (v < ranges[i].least || v > ranges[i].most)
                        return errmsg_fail(em, -EINVAL, "--%s=%lld: want %lld to %lld",
                                           mount_flags_row(ranges[i].id)->name, (long long) v,
                                           (long long) ranges[i].least, (long long) ranges[i].most);
        }
        return 0;
}

/* The service takes pieces of so many times 256 KiB. */
static int mount_flags_check_block(const struct mount_flags *f, struct errmsg *em) {
        double mb = mount_flags_float(f, FLAGS_write_block_size_mb), quarters = mb * 4;

        if (mb >= 0.25 && mb <= 1024 && (double) (int64_t) quarters == quarters)
                return 0;
        return errmsg_fail(em, -EINVAL,
                           "--write-block-size-mb=%g: want 0.25 to 1024, in steps of 0.25", mb);
}

/* The words are gcsfuse's. */
static int mount_flags_check_patience(const struct mount_flags *f, struct errmsg *em) {
        double rate = mount_flags_float(f, FLAGS_read_stall_req_increase_rate);
        double percentile = mount_flags_float(f, FLAGS_read_stall_req_target_percentile);

        if (!mount_flags_bool(f, FLAGS_enable_read_stall_retry))
                return 0;
        if (!(rate > 0))
                return errmsg_fail(em, -EINVAL,
                                   "--read-stall-req-increase-rate=%g: invalid value of "
                                   "increaseRate: %f, can't be 0 or negative",
                                   rate, rate);
        if (!(percentile > 0 && percentile < 1))
                return errmsg_fail(em, -EINVAL,
                                   "--read-stall-req-target-percentile=%g: invalid value of "
                                   "targetPercentile: %f, should be in the range (0, 1)",
                                   percentile, percentile);
        return 0;
}

static int mount_flags_check_words(const struct mount_flags *f, struct errmsg *em) {
        const char *protocol = mount_flags_str(f, FLAGS_client_protocol);
        const char *format = mount_flags_str(f, FLAGS_log_format);
        const char *severity = mount_flags_str(f, FLAGS_log_severity);
        static const char *const severities[] = {"trace",   "debug", "info",
                                                 "warning", "error", "off"};
        bool known = false;

        if (str_eq(protocol, "grpc"))
                return errmsg_fail(em, -EINVAL,
                                   "--client-protocol=grpc: only HTTP is spoken; use http1");
        if (!str_eq(protocol, "http1") && !str_eq(protocol, "http2"))
                return errmsg_fail(em, -EINVAL, "--client-protocol=%s: want http1", protocol);
        if (!str_eq(format, "json") && !str_eq(format, "text"))
                return errmsg_fail(em, -EINVAL, "--log-format=%s: want json or text", format);
        for (size_t i = 0; i < ARRAY_SIZE(severities); i++)
                known = known || str_eq_fold(severity, severities[i]);
        if (!known)
                return errmsg_fail(em, -EINVAL,
                                   "--log-severity=%s: want trace, debug, info, warning, error or "
                                   "off",
                                   severity);
        return 0;
}

int mount_flags_check(struct mount_flags *f, struct errmsg *em) {
        int r;

        for (int i = 0; i < FLAGS_N; i++) {
                const struct mount_flags_row *row = mount_flags_row((enum mount_flags_id) i);

                if (row->use == FLAGS_REFUSED && f->values[i] &&
                    !str_eq_fold(f->values[i], row->def))
                        return errmsg_fail(em, -EINVAL, "--%s=%s is not supported: %s", row->name,
                                           f->values[i], row->help);
        }
        r = mount_flags_check_machine(f, em);
        if (r >= 0)
                r = mount_flags_check_profile(f, em);
        if (r >= 0)
                r = mount_flags_check_range(f, em);
        if (r >= 0)
                r = mount_flags_check_block(f, em);
        if (r >= 0)
                r = mount_flags_check_patience(f, em);
        if (r >= 0)
                r = mount_flags_check_words(f, em);
        return r;
}
