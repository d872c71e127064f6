/* The command line, the environment and the file, in their order of strength. */
#include "tests/unit/base_test.h"

#include "daemons/sqlproxy/flags.h"
#include "lib/base/str.h"

static int parse(struct flags *f, struct errmsg *em, char *const *argv) {
        int argc = 0;

        while (argv[argc])
                argc++;
        return flags_parse(f, argc, argv, em);
}
#define PARSE(f, em, ...) parse((f), (em), (char *const[]){(char *) "x", __VA_ARGS__, NULL})

static void test_forms(void **state) {
        struct errmsg em = {};
        struct flags f;

        assert_int_equal(PARSE(&f, &em, "p:r:i", "--port", "5000", "-a=127.0.0.9", "-il",
                               "--max-sigterm-delay=2s", "--private-ip=false", "--", "--q"),
                         0);
        assert_int_equal(f.port, 5000);
        assert_string_equal(f.address, "127.0.0.9");
        assert_true(f.auto_iam_authn && f.structured_logs);
        assert_int_equal(f.max_sigterm_delay, 2 * USEC_PER_SEC);
        assert_true(f.is_set[FLAGS_private_ip] && !f.private_ip);
        assert_int_equal(str_count(f.instances), 2);
        assert_string_equal(f.instances[1], "--q");
        flags_done(&f);
        assert_int_equal(PARSE(&f, &em, "-p7", "-tTOKEN"), 0);
        assert_int_equal(f.port, 7);
        assert_string_equal(f.token, "TOKEN");
        flags_done(&f);
}

static void test_defaults(void **state) {
        struct errmsg em = {};
        struct flags f;

        assert_int_equal(PARSE(&f, &em, "p:r:i"), 0);
        assert_string_equal(f.address, "127.0.0.1");
        assert_string_equal(f.http_port, "9090");
        assert_string_equal(f.admin_port, "9091");
        assert_false(f.is_set[FLAGS_address]);
        assert_int_equal(flags_check(&f, &em), 0);
        flags_done(&f);
}

static void test_errors(void **state) {
        static const char *const cases[][2] = {
                {"--nope", "unknown flag: --nope"},
                {"-z", "unknown shorthand flag: 'z' in -z"},
                {"--port=x", "invalid argument \"x\" for \"-p, --port\" flag"},
                {"--port", "flag needs an argument: --port"},
                {"-p", "flag needs an argument: 'p' in -p"},
                {"--max-sigterm-delay=5", "missing unit"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct errmsg em = {};
                struct flags f;

                assert_true(PARSE(&f, &em, (char *) cases[i][0]) < 0);
                assert_says(em, cases[i][1]);
                flags_done(&f);
        }
}

static int check(struct errmsg *em, char *const *argv) {
        struct flags f;
        int r = parse(&f, em, argv);

        if (r >= 0)
                r = flags_check(&f, em);
        flags_done(&f);
        return r;
}
#define CHECK(em, ...) check((em), (char *const[]){(char *) "x", __VA_ARGS__, NULL})

static void test_rules(void **state) {
        struct errmsg em = {};

        assert_true(CHECK(&em, "--quiet") < 0);
        assert_says(em, "missing instance_connection_name");
        assert_true(CHECK(&em, "p:r:i", "-u/tmp", "-p5") < 0);
        assert_says(em, "--unix-socket and --port");
        assert_true(CHECK(&em, "p:r:i", "-a", "x") < 0);
        assert_says(em, "not a valid IP address: \"x\"");
        assert_true(CHECK(&em, "p:r:i", "--private-ip", "--psc") < 0);
        assert_says(em, "at the same time");
        assert_true(CHECK(&em, "p:r:i", "-tx", "-c", "f") < 0);
        assert_says(em, "--token and --credentials-file");
        assert_true(CHECK(&em, "p:r:i", "-tx", "-i") < 0);
        assert_says(em, "without --login-token");
        assert_true(CHECK(&em, "p:r:i", "--sql-data") < 0);
        assert_says(em, "--sql-data is not supported");
        assert_true(CHECK(&em, "p:r:i", "--telemetry-project=x") < 0);
        assert_says(em, "--prometheus");
        assert_int_equal(CHECK(&em, "p:r:i", "--enable-builtin-metrics=false"), 0);
        assert_true(CHECK(&em, "p:r:i", "--sqladmin-api-endpoint=ftp://x") < 0);
        assert_says(em, "not a valid URL");
}

static unsigned n_ignored;
static void on_ignored(const char *text) {
        n_ignored++;
}

static void test_environment(void **state) {
        char *env[] = {(char *) "CSQL_PROXY_PORT=6000",
                       (char *) "CSQL_PROXY_QUIET=true",
                       (char *) "CSQL_PROXY_MAX_CONNECTIONS=many",
                       (char *) "CSQL_PROXY_TOKEN=",
                       (char *) "CSQL_PROXY_INSTANCE_CONNECTION_NAME_0=a:b:c",
                       (char *) "CSQL_PROXY_INSTANCE_CONNECTION_NAME_1=d:e:f",
                       (char *) "CSQL_PROXY_INSTANCE_CONNECTION_NAME_3=no:no:no",
                       NULL};
        struct errmsg em = {};
        struct flags f;

        n_ignored = 0;
        assert_int_equal(PARSE(&f, &em, "--port=5"), 0);
        assert_int_equal(flags_fill(&f, env, on_ignored, &em), 0);
        assert_int_equal(f.port, 5);
        assert_true(f.quiet);
        assert_int_equal(f.max_connections, 0);
        assert_int_equal(n_ignored, 1);
        assert_false(f.is_set[FLAGS_token]);
        assert_int_equal(str_count(f.instances), 2);
        assert_string_equal(f.instances[1], "d:e:f");
        flags_done(&f);
}

static void test_file(void **state) {
        static const char text[] = "instance-connection-name = \"a:b:c\"\nport = 7_000\n"
                                   "quiet = true # yes\n[other]\nport = 1\n";
        char *none[] = {NULL};
        char path[200];
        struct errmsg em = {};
        struct flags f;

        snprintf(path, sizeof path, "%s/c.toml", (char *) *state);
        assert_int_equal(fileio_write_atomic(path, text, sizeof text - 1, 0600), 0);
        assert_int_equal(PARSE(&f, &em, "--config-file", path), 0);
        assert_int_equal(flags_fill(&f, none, NULL, &em), 0);
        assert_int_equal(f.port, 7000);
        assert_true(f.quiet);
        assert_string_equal(f.instances[0], "a:b:c");
        flags_done(&f);
        assert_int_equal(PARSE(&f, &em, "--config-file=x.ini"), 0);
        assert_int_equal(flags_fill(&f, none, NULL, &em), -EINVAL);
        assert_says(em, "should have extension");
        flags_done(&f);
        assert_int_equal(PARSE(&f, &em, "--config-file=/nowhere/x.yaml"), 0);
        assert_int_equal(flags_fill(&f, none, NULL, &em), -ENOENT);
        assert_says(em, "/nowhere/x.yaml");
        flags_done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_forms),       cmocka_unit_test(test_defaults),
                cmocka_unit_test(test_errors),      cmocka_unit_test(test_rules),
                cmocka_unit_test(test_environment), dir_test(test_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
