/* mount_flags.c, mount_flags_file.c, mount_flags_check.c, mount_conf.c, mount_helper.c, meter.c */
#include "fuse-gcs/mount_flags.h"

#include <stdlib.h>
#include <unistd.h>

#include "fuse-gcs/meter.h"
#include "fuse-gcs/mount_conf.h"
#include "fuse-gcs/mount_helper.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/unit/base_test.h"

static int parse(struct mount_flags *f, const char *line, struct errmsg *em) {
        char **words = str_split(line, " ");
        int r = mount_flags_parse(f, (int) str_count(words), words, em);

        str_free_list(words);
        return r < 0 ? r : mount_flags_check(f, em);
}

static void test_forms(void **state) {
        struct mount_flags f = {};
        struct errmsg em = {};

        assert_int_equal(parse(&f,
                               "--uid=5 -o allow_other,ro --o nosuid --implicit-dirs=false "
                               "-debug_gcs --file-mode 600 --max-retry-sleep 1m30s bkt /mnt",
                               &em),
                         0);
        assert_int_equal(mount_flags_int(&f, FLAGS_uid), 5);
        assert_int_equal(mount_flags_int(&f, FLAGS_file_mode), 0600);
        assert_string_equal(mount_flags_str(&f, FLAGS_o), "allow_other,ro,nosuid");
        assert_false(mount_flags_bool(&f, FLAGS_implicit_dirs));
        assert_true(mount_flags_bool(&f, FLAGS_debug_gcs));
        assert_int_equal(mount_flags_duration(&f, FLAGS_max_retry_sleep), 90 * USEC_PER_SEC);
        assert_int_equal(f.n_words, 2);
        assert_string_equal(f.words[0], "bkt");
        /* Dashes and underscores are one. */
        assert_int_equal(mount_flags_find("implicit_dirs"), FLAGS_implicit_dirs);
        mount_flags_done(&f);
}

static void refuse(const char *line, const char *words) {
        struct mount_flags f = {};
        struct errmsg em = {};

        assert_int_equal(parse(&f, line, &em), -EINVAL);
        assert_says(em, words);
        mount_flags_done(&f);
}

static void test_refused(void **state) {
        refuse("--implict-dirs a b", "did you mean --implicit-dirs?");
        refuse("--uid=x a b", "want a whole number");
        refuse("--file-mode=999 a b", "want a mode");
        refuse("--max-retry-sleep=1 a b", "want a time");
        refuse("--client-protocol=grpc a b", "only HTTP is spoken");
        refuse("--log-format=xml a b", "json or text");
        refuse("--log-severity=loud a b", "trace, debug");
        refuse("--metadata-cache-ttl-secs=-2 a b", "want -1 to");
        refuse("--chunk-transfer-timeout-secs=-1 a b", "want 0 to");
        refuse("--read-stall-req-increase-rate=0 a b", "can't be 0 or negative");
        refuse("--read-stall-req-target-percentile=1 a b", "should be in the range (0, 1)");
        refuse("--experimental-enable-otel-logging a b", "to the journal or to --log-file");
        refuse("--write-block-size-mb=0.3 a b", "0.3: want 0.25 to 1024, in steps of 0.25");
        refuse("--write-block-size-mb=0 a b", "want 0.25 to");
        refuse("--write-block-size-mb=1e30 a b", "want 0.25 to");
        refuse("--write-block-size-mb=nan a b", "want");
        refuse("--enable-cloud-profiler a b", "not supported");
        refuse("--profile=fast a b", "aiml-training");
        refuse("a b c", "received 4: c is one word too many");
        refuse("a b c d --uid 5 e", "received 6: c is one word too many");
        refuse("a b c --uid", "wants a whole number");
        refuse("--uid", "wants a whole number");
}

/* Every row's default is a value of its type, and every name and key stands once. */
static void test_rows(void **state) {
        for (int i = 0; i < FLAGS_N; i++) {
                const struct mount_flags_row *row = mount_flags_row((enum mount_flags_id) i);
                struct mount_flags f = {};
                struct errmsg em = {};

                assert_int_equal(mount_flags_find(row->name), i);
                if (*row->key)
                        assert_int_equal(mount_flags_find_key(row->key), i);
                if (*row->def)
                        assert_int_equal(mount_flags_set(&f, (enum mount_flags_id) i, row->def,
                                                         FLAGS_ARGV, &em),
                                         0);
                assert_true(row->use == FLAGS_QUIET || *row->help);
                mount_flags_done(&f);
        }
}

static int read_file(struct mount_flags *f, const char *text, struct errmsg *em) {
        return mount_flags_file_parse(f, text, strlen(text), "c.yaml", em);
}

static void test_file(void **state) {
        static const char text[] = "implicit-dirs: false\n"
                                   "file-system:\n"
                                   "  file-mode: 600\n"
                                   "  dir-mode: 0700\n"
                                   "  fuse-options: [allow_other, ro]\n"
                                   "metadata-cache:\n"
                                   "  ttl-secs: 10\n"
                                   "gcs-retries:\n"
                                   "  max-retry-sleep: 5s\n"
                                   "logging:\n";
        struct mount_flags f = {};
        struct errmsg em = {};

        assert_int_equal(parse(&f, "--metadata-cache-ttl-secs=3 a b", &em), 0);
        assert_int_equal(read_file(&f, text, &em), 0);
        assert_int_equal(mount_flags_int(&f, FLAGS_metadata_cache_ttl_secs), 3);
        assert_false(mount_flags_bool(&f, FLAGS_implicit_dirs));
        assert_int_equal(mount_flags_int(&f, FLAGS_file_mode), 0600);
        assert_int_equal(mount_flags_int(&f, FLAGS_dir_mode), 0700);
        assert_string_equal(mount_flags_str(&f, FLAGS_o), "allow_other,ro");
        assert_int_equal(mount_flags_duration(&f, FLAGS_max_retry_sleep), 5 * USEC_PER_SEC);
        assert_int_equal(read_file(&f, "implicit-dir: true\n", &em), -EINVAL);
        assert_says(em, "c.yaml:1: unknown key implicit-dir: did you mean implicit-dirs?");
        assert_int_equal(read_file(&f, "write: 5\n", &em), -EINVAL);
        assert_int_equal(read_file(&f, "file-system:\n  uid: {a: 1}\n", &em), -EINVAL);
        assert_int_equal(read_file(&f, "[]\n", &em), -EINVAL);
        mount_flags_done(&f);
}

static void test_profile_is_weakest(void **state) {
        struct mount_flags f = {};
        struct errmsg em = {};

        assert_int_equal(parse(&f, "--profile=aiml-training --metadata-cache-ttl-secs=7 a b", &em),
                         0);
        assert_int_equal(mount_flags_int(&f, FLAGS_metadata_cache_ttl_secs), 7);
        assert_int_equal(mount_flags_int(&f, FLAGS_metadata_cache_negative_ttl_secs), 0);
        mount_flags_done(&f);
}

/* Who names a machine gets gcsfuse's view on it. */
static void assert_implicit(const char *line, bool wanted) {
        struct mount_flags f = {};
        struct errmsg em = {};

        assert_int_equal(parse(&f, line, &em), 0);
        if (mount_flags_bool(&f, FLAGS_implicit_dirs) != wanted)
                fail_msg("%s: implicit-dirs is not %d", line, wanted);
        mount_flags_done(&f);
}

static void test_machine_type(void **state) {
        assert_implicit("a b", true);
        assert_implicit("--machine-type=a3-highgpu-8g a b", true);
        assert_implicit("--machine-type=n2-standard-8 a b", false);
        assert_implicit("--machine-type=n2-standard-8 --implicit-dirs a b", true);
        assert_implicit("--machine-type=n2-standard-8 --profile=aiml-serving a b", true);
        assert_implicit("--machine-type=n2-standard-8 --disable-autoconfig a b", true);
}

static void test_paths(void **state) {
        char cwd[4096], want[4200];
        char *path;

        assert_int_equal(setenv("HOME", "/var/x", 1), 0);
        path = mount_conf_path("~/log");
        assert_string_equal(path, "/var/x/log");
        mem_free(path);
        path = mount_conf_path("/~/log");
        assert_string_equal(path, "/~/log");
        mem_free(path);
        assert_non_null(getcwd(cwd, sizeof(cwd)));
        snprintf(want, sizeof(want), "%s/./log", cwd);
        path = mount_conf_path("./log");
        assert_string_equal(path, want);
        mem_free(path);
}

static void test_options(void **state) {
        _cleanup_buf_ struct buf fuse = {};
        struct mount_flags f = {};
        struct errmsg em = {};
        bool ro = false;

        assert_int_equal(
                mount_conf_options("rw,_netdev,no_netdev,nofail,x-systemd.automount,allow_other,"
                                   "key_file=/k,implicit_dirs,uid=7,nosuid",
                                   &fuse, &f, &ro, &em),
                0);
        assert_string_equal(fuse.data, "allow_other,nosuid");
        assert_false(ro);
        assert_string_equal(mount_flags_str(&f, FLAGS_key_file), "/k");
        assert_int_equal(mount_flags_int(&f, FLAGS_uid), 7);
        assert_int_equal(mount_conf_options("ro", &fuse, &f, &ro, &em), 0);
        assert_true(ro);
        assert_int_equal(mount_conf_options("bogus", &fuse, &f, &ro, &em), -EINVAL);
        assert_says(em, "neither a mount option nor a flag");
        assert_int_equal(mount_conf_options("uid", &fuse, &f, &ro, &em), -EINVAL);
        mount_flags_done(&f);
}

static void test_conf(void **state) {
        struct mount_flags f = {};
        struct mount_conf c;
        struct errmsg em = {};

        assert_int_equal(parse(&f,
                               "--only-dir=/a/b/ --custom-endpoint=http://h:1/storage/v1/ "
                               "--stat-cache-ttl=1500ms --temp-dir=/tmp --cache-dir=/c "
                               "--write-block-size-mb=0.5 bkt /tmp",
                               &em),
                         0);
        if (mount_conf_init(&c, &f, &em) < 0)
                fail_msg("%s", em.text);
        assert_string_equal(c.root, "a/b/");
        assert_string_equal(c.endpoint, "http://h:1");
        assert_string_equal(c.cache_dir, "/c");
        assert_int_equal(c.mnt.ttl_for, 2 * USEC_PER_SEC);
        assert_int_equal(c.mnt.block_size, 512 << 10);
        assert_non_null(strstr(c.fuse_options, "fsname=bkt,subtype=gcs"));
        mount_conf_done(&c);
        mount_flags_done(&f);
        assert_int_equal(parse(&f, "--implicit-dirs", &em), 0);
        assert_int_equal(mount_conf_init(&c, &f, &em), -EINVAL);
        assert_says(em, "BUCKET");
        mount_flags_done(&f);
        assert_int_equal(parse(&f, "No_bucket /tmp", &em), 0);
        assert_int_equal(mount_conf_init(&c, &f, &em), -EINVAL);
        assert_says(em, "No_bucket");
        mount_flags_done(&f);
}

static void test_conf_max_read(void **state) {
        static const struct {
                const char *line, *options;
                unsigned n;
        } rows[] = {
                {"bkt /tmp", "default_permissions,max_read=1044480", 1044480},
                {"-o noatime,max_read=65536 bkt /tmp", "max_read=65536,max_read=65536", 65536},
                {"-o max_read=65536,max_read=4096,ro bkt /tmp", ",max_read=4096,max_read=4096",
                 4096},
                {"-o max_read=0 bkt /tmp", "max_read=0,max_read=1044480", 1044480},
                {"-o subtype=max_read=1 bkt /tmp", "max_read=1,max_read=1044480", 1044480},
        };
        struct errmsg em = {};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct mount_flags f = {};
                struct mount_conf c;

                assert_int_equal(parse(&f, rows[i].line, &em), 0);
                if (mount_conf_init(&c, &f, &em) < 0)
                        fail_msg("%s", em.text);
                assert_int_equal(c.mnt.max_read, rows[i].n);
                assert_non_null(strstr(c.fuse_options, rows[i].options));
                mount_conf_done(&c);
                mount_flags_done(&f);
        }
}

static void test_conf_of_all_buckets(void **state) {
        static const char *const lines[] = {"--cache-dir=/c /tmp", "--cache-dir=/c _ /tmp"};
        struct errmsg em = {};

        for (size_t k = 0; k < ARRAY_SIZE(lines); k++) {
                struct mount_flags f = {};
                struct mount_conf c;

                assert_int_equal(parse(&f, lines[k], &em), 0);
                if (mount_conf_init(&c, &f, &em) < 0)
                        fail_msg("%s", em.text);
                assert_true(c.all_buckets);
                assert_string_equal(c.mountpoint, "/tmp");
                assert_string_equal(c.cache_dir, "/c");
                assert_non_null(strstr(c.fuse_options, "fsname=fuse-gcs,"));
                mount_conf_done(&c);
                mount_flags_done(&f);
        }
}

static void test_helper(void **state) {
        char *argv[] = {"m", "bkt", "/d", "-s", "-o", "rw,uid=5", NULL};
        char *fake[] = {"m", "bkt", "/d", "-f", NULL}, *bad[] = {"m", "bkt", NULL};
        struct errmsg em = {};
        char **args;

        assert_int_equal(mount_helper_args(6, argv, &args, &em), 0);
        assert_int_equal(str_count(args), 5);
        assert_string_equal(args[2], "rw,uid=5");
        assert_string_equal(args[4], "/d");
        str_free_list(args);
        assert_int_equal(mount_helper_args(4, fake, &args, &em), 1);
        assert_int_equal(mount_helper_args(2, bad, &args, &em), -EINVAL);
}

static void test_bucket_of_tokens(void **state) {
        struct meter_bucket b;

        meter_bucket_init(&b, 10, 0);
        for (int i = 0; i < 300; i++)
                assert_int_equal(meter_bucket_take(&b, 1, 0), 0);
        assert_in_range(meter_bucket_take(&b, 1, 0), 99999, 100002);
        assert_int_equal(meter_bucket_take(&b, 1, USEC_PER_SEC), 0);
        /* What never fits waits for a full one. */
        assert_true(meter_bucket_take(&b, 1000, USEC_PER_SEC) > 0);
        assert_int_equal(meter_bucket_take(&b, 1000, 60 * USEC_PER_SEC), 0);
        assert_true(meter_bucket_take(&b, 1, 61 * USEC_PER_SEC) > 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_forms),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_file),
                cmocka_unit_test(test_profile_is_weakest),
                cmocka_unit_test(test_machine_type),
                cmocka_unit_test(test_paths),
                cmocka_unit_test(test_options),
                cmocka_unit_test(test_conf),
                cmocka_unit_test(test_conf_max_read),
                cmocka_unit_test(test_conf_of_all_buckets),
                cmocka_unit_test(test_helper),
                cmocka_unit_test(test_bucket_of_tokens),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
