#include "fuse-gcs/mount_conf.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuse-gcs/cache_filter.h"
#include "fuse-gcs/handover.h"
#include "fuse-gcs/stale_mount.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/gcs_name.h"

#define MOUNT_CONF_ENDPOINT "https://storage.googleapis.com"
#define MOUNT_CONF_ALL "_" /* in place of a bucket: all of them */
/* Parts cost requests of their own, which small blocks make no fewer. */
#define MOUNT_CONF_LEAST_IN_UPLOADS ((uint64_t) 48 << 20)
#define MOUNT_CONF_UPLOADS 4 /* of one large file, where one alone is slower than its writer */
#define MIB ((uint64_t) 1 << 20)
#define MOUNT_CONF_NO_DEADLINE (365 * USEC_PER_DAY)
#define MOUNT_CONF_FILL_LINE (8 * MIB) /* gcsfuse's reads for its cache */

void mount_conf_done(struct mount_conf *c) {
        mem_free(c->bucket);
        mem_free(c->mountpoint);
        mem_free(c->root);
        mem_free(c->endpoint);
        mem_free(c->temp_dir);
        mem_free(c->cache_dir);
        mem_free(c->agent);
        mem_free(c->fuse_options);
        mem_free(c->key_file);
        mem_free(c->log_file);
        cache_filter_free(c->cache_filter);
        *c = (struct mount_conf){};
}

/* --- options --------------------------------------------------------------------------------- */

/* What mount(8), fstab and systemd say to themselves. */
static bool mount_conf_is_for_fstab(const char *o) {
        static const char *const words[] = {
                "auto",   "noauto", "user",     "nouser", "users",      "owner",   "_netdev",
                "nofail", "rw",     "defaults", "group",  "nobootwait", "comment", "no_netdev"};

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (str_eq(o, words[i]))
                        return true;
        return str_starts(o, "x-") || str_starts(o, "comment=");
}

static bool mount_conf_is_for_kernel(const char *o) {
        static const char *const words[] = {
                "allow_other", "allow_root",   "nosuid",
                "suid",        "nodev",        "dev",
                "noexec",      "exec",         "sync",
                "async",       "atime",        "noatime",
                "dirsync",     "relatime",     "norelatime",
                "nodiratime",  "auto_unmount", "default_permissions",
                "nonempty",    "dirsync",      "strictatime",
                "lazytime",
        };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (str_eq(o, words[i]))
                        return true;
        return str_starts(o, "fsname=") || str_starts(o, "subtype=") ||
               str_starts(o, "max_read=") || str_starts(o, "context=");
}

/* A flag among the options: "implicit_dirs", "key_file=F". */
static int mount_conf_flag(const char *o, const char *name, const char *value,
                           struct mount_flags *f, struct errmsg *em) {
        int id = mount_flags_find(name);

        if (id < 0 || id == FLAGS_o)
                return errmsg_fail(em, -EINVAL,
                                   "-o %s: neither a mount option nor a flag of fuse-gcs", o);
        if (!value && mount_flags_row((enum mount_flags_id) id)->type != FLAGS_BOOL)
                return errmsg_fail(em, -EINVAL, "-o %s: want %s=VALUE", o, o);
        return mount_flags_set(f, (enum mount_flags_id) id, value ?: "true", FLAGS_ARGV, em);
}

static int mount_conf_option(const char *o, struct buf *fuse, struct mount_flags *f, bool *ret_ro,
                             struct errmsg *em) {
        const char *equals = strchr(o, '=');
        _cleanup_free_ char *name = equals ? mem_strndup(o, (size_t) (equals - o)) : mem_strdup(o);

        if (!name)
                return -ENOMEM;
        if (str_eq(o, "ro")) {
                *ret_ro = true;
                return 0;
        }
        /* fuse3 always allows what this allowed. */
        if (mount_conf_is_for_fstab(o) || str_eq(o, "nonempty") || str_eq(o, "default_permissions"))
                return 0;
        if (mount_conf_is_for_kernel(o))
                return buf_printf(fuse, "%s%s", fuse->len > 0 ? "," : "", o);
        if (str_eq(name, "config_file") || str_eq(name, "config-file")) {
                mem_free(f->config_file);
                f->config_file = mem_strdup(equals ? equals + 1 : "");
                return f->config_file ? 0 : -ENOMEM;
        }
        return mount_conf_flag(o, name, equals ? equals + 1 : NULL, f, em);
}

int mount_conf_options(const char *options, struct buf *ret_fuse, struct mount_flags *f,
                       bool *ret_ro, struct errmsg *em) {
        char **words = str_split(options, ",");
        int r = words ? 0 : -ENOMEM;

        for (char **w = words; w && *w && r >= 0; w++)
                r = mount_conf_option(str_strip(*w), ret_fuse, f, ret_ro, em);
        str_free_list(words);
        return r;
}

/* --- pieces ---------------------------------------------------------------------------------- */

static int mount_conf_where(struct mount_conf *c, const struct mount_flags *f, struct errmsg *em) {
        const char *bucket = f->n_words == 2 ? f->words[0] : "", *where;
        char full[PATH_MAX];
        struct stat st;
        int r;

        if (f->n_words < 1 || f->n_words > 2)
                return errmsg_fail(em, -EINVAL,
                                   "want a bucket and a mount point, or a mount point alone for "
                                   "all buckets: fuse-gcs [flags] [BUCKET] MOUNTPOINT");
        where = f->words[f->n_words - 1];
        c->all_buckets = !*bucket || str_eq(bucket, MOUNT_CONF_ALL);
        if (c->all_buckets)
                bucket = MOUNT_CONF_ALL;
        r = c->all_buckets ? 0 : gcs_name_check_bucket(bucket, em);
        if (r < 0)
                return r;
        r = stale_mount_clear(where, em);
        if (r < 0)
                return r;
        if (!realpath(where, full))
                return errmsg_errno(em, -errno, "mount point %s", where);
        if (stat(full, &st) < 0)
                return errmsg_errno(em, -errno, "mount point %s", full);
        if (!S_ISDIR(st.st_mode))
                return errmsg_fail(em, -ENOTDIR, "mount point %s is not a directory", full);
        c->bucket = mem_strdup(bucket);
        c->mountpoint = mem_strdup(full);
        c->what = c->all_buckets ? "each bucket" : c->bucket;
        return c->bucket && c->mountpoint ? 0 : -ENOMEM;
}

static int mount_conf_root(struct mount_conf *c, const struct mount_flags *f, struct errmsg *em) {
        const char *dir = mount_flags_str(f, FLAGS_only_dir);
        size_t len;

        while (*dir == '/')
                dir++;
        len = strlen(dir);
        while (len > 0 && dir[len - 1] == '/')
                len--;
        c->root = len > 0 ? str_printf("%.*s/", (int) len, dir) : mem_strdup("");
        if (!c->root)
                return -ENOMEM;
        if (len > 0 && gcs_name_check(c->root) < 0)
                return errmsg_fail(em, -EINVAL, "--only-dir=%s: no directory can be called so",
                                   dir);
        c->mnt.root = c->root;
        return 0;
}

static int mount_conf_endpoint(struct mount_conf *c, const struct mount_flags *f,
                               struct errmsg *em) {
        const char *given = mount_flags_str(f, FLAGS_custom_endpoint);
        const char *emulator = getenv("STORAGE_EMULATOR_HOST");

        c->anonymous = mount_flags_bool(f, FLAGS_anonymous_access);
        if (!*given && emulator && *emulator) {
                given = emulator;
                c->anonymous = true;
        }
        return gcs_name_endpoint(*given ? given : MOUNT_CONF_ENDPOINT, &c->endpoint, em);
}

char *mount_conf_path(const char *given) {
        const char *home = getenv("HOME");
        char *cwd, *path;

        if (*given == '/')
                return mem_strdup(given);
        if (str_starts(given, "~/") && !str_empty(home))
                return str_printf("%s%s", home, given + 1);
        cwd = getcwd(NULL, 0);
        path = cwd ? str_printf("%s/%s", cwd, given) : NULL;
        free(cwd);
        return path;
}

static int mount_conf_cache(struct mount_conf *c, const char *dir, int64_t mb) {
        _cleanup_free_ char *path = mount_conf_path(dir);

        c->cache_bytes_max = mb < 0 ? UINT64_MAX : (uint64_t) mb * MIB;
        if (mb != 0)
                c->cache_dir = TAKE_PTR(path);
        return c->cache_dir || mb == 0 ? 0 : -ENOMEM;
}

/* What reads bring onto the disk beyond what they read. Who says nothing has what was read kept;
 * who names one of the three flags, whatever he says, has what gcsfuse does by all of them. */
static void mount_conf_fill(struct mount_conf *c, const struct mount_flags *f) {
        bool parallel = mount_flags_bool(f, FLAGS_file_cache_enable_parallel_downloads);
        bool chunks = mount_flags_bool(f, FLAGS_file_cache_experimental_enable_chunk_cache);
        bool says = mount_flags_is_set(f, FLAGS_file_cache_enable_parallel_downloads) ||
                    mount_flags_is_set(f, FLAGS_file_cache_cache_file_for_range_read) ||
                    mount_flags_is_set(f, FLAGS_file_cache_experimental_enable_chunk_cache);
        int64_t given_mb = mount_flags_int(f, FLAGS_file_cache_download_chunk_size_mb);
        uint64_t chunk_mb = (uint64_t) MAX(given_mb, (int64_t) 1);

        c->fill.anywhere =
                !chunks && mount_flags_bool(f, FLAGS_file_cache_cache_file_for_range_read);
        c->fill.at_start = !chunks && says;
        c->fill.waits = !parallel;
        c->fill.chunk_bytes = chunks ? chunk_mb * MIB : 0;
        c->fill.line_bytes = parallel ? chunk_mb * MIB : MOUNT_CONF_FILL_LINE;
        if (c->cache_dir && (c->fill.anywhere || c->fill.at_start || chunks))
                c->mnt.fill = &c->fill;
}

/* One that must be there. */
static int mount_conf_found(const char *flag, const char *given, char **ret, struct errmsg *em) {
        _cleanup_free_ char *path = mount_conf_path(given);
        char full[PATH_MAX];

        if (!path)
                return -ENOMEM;
        if (!realpath(path, full))
                return errmsg_errno(em, -errno, "--%s=%s", flag, given);
        *ret = mem_strdup(full);
        return *ret ? 0 : -ENOMEM;
}

static int mount_conf_dirs(struct mount_conf *c, const struct mount_flags *f, struct errmsg *em) {
        const char *temp = mount_flags_str(f, FLAGS_temp_dir),
                   *cache = mount_flags_str(f, FLAGS_cache_dir);
        const char *key = mount_flags_str(f, FLAGS_key_file);
        const char *log = mount_flags_str(f, FLAGS_log_file);
        int64_t mb = mount_flags_int(f, FLAGS_file_cache_max_size_mb);
        int r;

        if (!*temp)
                temp = getenv("TMPDIR") ?: "/var/tmp";
        r = mount_conf_found("temp-dir", temp, &c->temp_dir, em);
        c->mnt.temp_dir = c->temp_dir;
        if (r >= 0 && *cache)
                r = mount_conf_cache(c, cache, mb);
        /* The child has another working directory. */
        if (r >= 0 && *key)
                r = mount_conf_found("key-file", key, &c->key_file, em);
        if (r >= 0 && *log && !(c->log_file = mount_conf_path(log)))
                r = -ENOMEM;
        return r;
}

static usec_t mount_conf_ttl(const struct mount_flags *f, enum mount_flags_id id) {
        int64_t s = mount_flags_int(f, id);

        return s < 0 ? USEC_INFINITY : (usec_t) s * USEC_PER_SEC;
}

/* The deprecated names count as long as the new one is not used. */
static usec_t mount_conf_metadata_ttl(const struct mount_flags *f) {
        usec_t old = MIN(mount_flags_duration(f, FLAGS_stat_cache_ttl),
                         mount_flags_duration(f, FLAGS_type_cache_ttl));

        if (mount_flags_is_set(f, FLAGS_metadata_cache_ttl_secs) ||
            (!mount_flags_is_set(f, FLAGS_stat_cache_ttl) &&
             !mount_flags_is_set(f, FLAGS_type_cache_ttl)))
                return mount_conf_ttl(f, FLAGS_metadata_cache_ttl_secs);
        return (old + USEC_PER_SEC - 1) / USEC_PER_SEC * USEC_PER_SEC;
}

/* What the kernel may keep of names. Who says nothing has it keep them, and directories are read as
 * it likes; who names one of the two flags has what gcsfuse does by both. */
static void mount_conf_names(struct mnt_settings *m, const struct mount_flags *f) {
        bool plus = mount_flags_bool(f, FLAGS_experimental_enable_readdirplus);
        bool says_plus = mount_flags_is_set(f, FLAGS_experimental_enable_readdirplus);
        bool says_names = mount_flags_is_set(f, FLAGS_experimental_enable_dentry_cache);

        m->always_plus = plus;
        m->never_plus = says_plus && !plus;
        m->asks_names = (says_plus || says_names) &&
                        !mount_flags_bool(f, FLAGS_experimental_enable_dentry_cache);
}

static void mount_conf_behaviour(struct mnt_settings *m, const struct mount_flags *f) {
        int64_t uid = mount_flags_int(f, FLAGS_uid), gid = mount_flags_int(f, FLAGS_gid);
        int64_t limit = mount_flags_int(f, FLAGS_rename_dir_limit);

        m->uid = uid < 0 ? getuid() : (uid_t) uid;
        m->gid = gid < 0 ? getgid() : (gid_t) gid;
        m->file_mode = (mode_t) mount_flags_int(f, FLAGS_file_mode);
        m->dir_mode = (mode_t) mount_flags_int(f, FLAGS_dir_mode);
        m->implicit_dirs = mount_flags_bool(f, FLAGS_implicit_dirs);
        m->strong_open = mount_flags_bool(f, FLAGS_strong_consistency_on_open);
        m->atomic_rename = mount_flags_bool(f, FLAGS_enable_atomic_rename_object);
        m->prefetch_metadata = mount_flags_bool(f, FLAGS_enable_metadata_prefetch);
        m->by_json = mount_flags_bool(f, FLAGS_experimental_enable_json_read);
        m->direct_io = mount_flags_bool(f, FLAGS_o_direct) ||
                       mount_flags_bool(f, FLAGS_experimental_o_direct);
        m->standard_symlinks = mount_flags_bool(f, FLAGS_enable_standard_symlinks);
        m->create_empty = mount_flags_bool(f, FLAGS_create_empty_file);
        m->streams = mount_flags_bool(f, FLAGS_enable_streaming_writes) &&
                     mount_flags_int(f, FLAGS_write_global_max_blocks) != 0;
        m->ttl_for = mount_conf_metadata_ttl(f);
        m->negative_for = mount_conf_ttl(f, FLAGS_metadata_cache_negative_ttl_secs);
        m->list_cache_for = mount_conf_ttl(f, FLAGS_kernel_list_cache_ttl_secs);
        m->rename_limit = limit > 0 ? (uint64_t) limit : 1000000;
}

/* A pool that is too small for one reader is none, for gcsfuse; -1: one without an end. */
static bool mount_conf_reads_ahead(const struct mount_flags *f) {
        int64_t all = mount_flags_int(f, FLAGS_read_global_max_blocks);

        return all < 0 || all >= mount_flags_int(f, FLAGS_read_min_blocks_per_handle);
}

static void mount_conf_sizes(struct mnt_settings *m, const struct mount_flags *f) {
        int64_t stat_mb = mount_flags_int(f, FLAGS_stat_cache_max_size_mb);
        int64_t blocks = mount_flags_int(f, FLAGS_write_global_max_blocks);
        int64_t uploads = mount_flags_int(f, FLAGS_parallel_uploads_per_file);
        usec_t budget = mount_flags_duration(f, FLAGS_max_retry_duration);

        m->stat_bytes_max = stat_mb < 0 ? SIZE_MAX : (size_t) stat_mb * MIB;
        if (stat_mb == 0)
                m->ttl_for = 0;
        m->block_size = (size_t) (mount_flags_float(f, FLAGS_write_block_size_mb) * (double) MIB);
        m->n_upload_blocks_max = blocks < 0 ? 4096 : (size_t) MAX(blocks, (int64_t) 1);
        m->uploads_asked_for = uploads > 0;
        m->n_uploads_at_once = uploads < 0 ? MOUNT_CONF_UPLOADS : (unsigned) uploads;
        m->n_least_in_uploads = MOUNT_CONF_LEAST_IN_UPLOADS;
        m->temp_bytes_max = (uint64_t) mount_flags_int(f, FLAGS_temp_max_size_mb) * MIB;
        m->read_bytes_max = (size_t) mount_flags_int(f, FLAGS_read_cache_size_mb) * MIB;
        m->read_ahead_max = mount_conf_reads_ahead(f)
                                    ? (size_t) mount_flags_int(f, FLAGS_read_ahead_max_mb) * MIB
                                    : 0;
        m->metadata_budget_for = budget > 0 ? budget : 2 * USEC_PER_MINUTE;
        m->commit_budget_for = budget > 0 ? budget : 15 * USEC_PER_MINUTE;
}

static void mount_conf_patience(struct mount_conf *c, const struct mount_flags *f) {
        struct gcs_patience_options *o = &c->read_patience;

        if (!mount_flags_bool(f, FLAGS_enable_read_stall_retry))
                return;
        o->least_for = MAX(mount_flags_duration(f, FLAGS_read_stall_min_req_timeout),
                           (usec_t) USEC_PER_MSEC);
        o->most_for = MAX(mount_flags_duration(f, FLAGS_read_stall_max_req_timeout), o->least_for);
        o->first_for =
                MAX(mount_flags_duration(f, FLAGS_read_stall_initial_req_timeout), o->least_for);
        o->n_rises = mount_flags_float(f, FLAGS_read_stall_req_increase_rate);
        o->percentile = mount_flags_float(f, FLAGS_read_stall_req_target_percentile);
}

/* Of gcsfuse: what is given counts. A piece that waits in the kernel for a slow line is silent for
 * long: without being told nobody takes it for lost so soon. */
static void mount_conf_chunks(struct mount_conf *c, const struct mount_flags *f) {
        int64_t silent_s = mount_flags_int(f, FLAGS_chunk_transfer_timeout_secs);
        int64_t deadline_s = mount_flags_int(f, FLAGS_chunk_retry_deadline_secs);

        if (mount_flags_is_set(f, FLAGS_chunk_transfer_timeout_secs))
                c->chunk_for = silent_s > 0 ? (usec_t) silent_s * USEC_PER_SEC : USEC_INFINITY;
        if (mount_flags_is_set(f, FLAGS_chunk_retry_deadline_secs))
                c->mnt.commit_budget_for = deadline_s > 0 ? (usec_t) deadline_s * USEC_PER_SEC
                                                          : MOUNT_CONF_NO_DEADLINE;
}

static void mount_conf_network(struct mount_conf *c, const struct mount_flags *f) {
        gcs_retry_policy_init(&c->retry);
        c->retry.max_for = MAX(mount_flags_duration(f, FLAGS_max_retry_sleep), USEC_PER_MSEC);
        c->retry.min_for = MIN(c->retry.min_for, c->retry.max_for);
        c->retry.multiplier = mount_flags_float(f, FLAGS_retry_multiplier);
        c->retry.n_tries_max = (unsigned) mount_flags_int(f, FLAGS_max_retry_attempts);
        c->retry.budget_for = c->mnt.metadata_budget_for;
        c->stall_for = mount_flags_duration(f, FLAGS_http_client_timeout);
        mount_conf_patience(c, f);
        mount_conf_chunks(c, f);
        c->rest_for = mount_flags_duration(f, FLAGS_read_inactive_stream_timeout);
        c->n_connections = (unsigned) mount_flags_int(f, FLAGS_max_conns_per_host) ?: 100;
        c->read_ahead_kb = (unsigned) mount_flags_int(f, FLAGS_max_read_ahead_kb);
        if (c->read_ahead_kb == 0 && mount_flags_bool(f, FLAGS_enable_kernel_reader))
                c->read_ahead_kb = 4 * HANDOVER_READ_MAX / 1024;
        c->ops_per_s = mount_flags_float(f, FLAGS_limit_ops_per_sec);
        c->bytes_per_s = mount_flags_float(f, FLAGS_limit_bytes_per_sec);
}

/* As the options have it, the last one. 0: none has. */
static unsigned mount_conf_max_read(const char *options) {
        unsigned n = 0;

        for (const char *o = options; o; o = strchr(o, ','), o = o ? o + 1 : NULL)
                if (str_starts(o, "max_read="))
                        n = (unsigned) strtoul(o + strlen("max_read="), NULL, 10);
        return n;
}

static int mount_conf_texts(struct mount_conf *c, const struct mount_flags *f, struct errmsg *em) {
        _cleanup_buf_ struct buf fuse = {};
        const char *app = mount_flags_str(f, FLAGS_app_name);
        bool ro = false;
        int r;

        r = mount_conf_options(mount_flags_str(f, FLAGS_o), &fuse, (struct mount_flags *) f, &ro,
                               em);
        if (r < 0)
                return r;
        c->mnt.read_only = ro;
        c->agent = str_printf("fuse-gcs/%s%s%s", PACKAGE_VERSION, *app ? " " : "", app);
        c->mnt.max_read = mount_conf_max_read(buf_cstr(&fuse)) ?: HANDOVER_READ_MAX;
        c->fuse_options =
                str_printf("fsname=%s,subtype=gcs,default_permissions%s%s%s%s,max_read=%u",
                           c->all_buckets ? "fuse-gcs" : c->bucket,
                           mount_flags_bool(f, FLAGS_debug_fuse) ? ",debug" : "", ro ? ",ro" : "",
                           fuse.len > 0 ? "," : "", buf_cstr(&fuse), c->mnt.max_read);
        return c->agent && c->fuse_options ? 0 : -ENOMEM;
}

static int mount_conf_log(struct mount_conf *c, const struct mount_flags *f, struct errmsg *em) {
        int64_t mb = mount_flags_int(f, FLAGS_log_rotate_max_file_size_mb);
        int64_t n = mount_flags_int(f, FLAGS_log_rotate_backup_file_count);

        if (mb < 1 || mb > INT32_MAX)
                return errmsg_fail(em, -EINVAL,
                                   "--log-rotate-max-file-size-mb=%" PRId64
                                   ": max-file-size-mb should be atleast 1",
                                   mb);
        if (n < 0 || n > INT32_MAX)
                return errmsg_fail(em, -EINVAL,
                                   "--log-rotate-backup-file-count=%" PRId64
                                   ": backup-file-count should be 0 (to retain all backup files) "
                                   "or a positive value",
                                   n);
        c->log_bytes_max = (uint64_t) mb * MIB;
        c->n_log_backups = (unsigned) n;
        return 0;
}

int mount_conf_init(struct mount_conf *c, const struct mount_flags *f, struct errmsg *em) {
        int r;

        *c = (struct mount_conf){};
        r = mount_conf_where(c, f, em);
        /* -o may hold flags: it comes first. */
        if (r >= 0)
                r = mount_conf_texts(c, f, em);
        if (r >= 0)
                r = mount_conf_root(c, f, em);
        if (r >= 0)
                r = mount_conf_endpoint(c, f, em);
        if (r >= 0)
                r = mount_conf_dirs(c, f, em);
        if (r >= 0)
                r = mount_conf_log(c, f, em);
        if (r >= 0 && !c->all_buckets)
                r = cache_filter_new(c->bucket, mount_flags_str(f, FLAGS_file_cache_include_regex),
                                     mount_flags_str(f, FLAGS_file_cache_exclude_regex),
                                     &c->cache_filter, em);
        if (r < 0) {
                mount_conf_done(c);
                return r;
        }
        c->mnt.disk_filter = c->cache_filter;
        mount_conf_behaviour(&c->mnt, f);
        mount_conf_names(&c->mnt, f);
        mount_conf_sizes(&c->mnt, f);
        mount_conf_network(c, f);
        mount_conf_fill(c, f);
        return 0;
}
