/* Which hosts a source or a location may name. */
#include "daemons/tracking/source_host.h"

#include "tests/unit/tracking_test_db.h"

#define ALLOWED "MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES"

static void test_hosts(void **state) {
        static const struct {
                const char *source, *root;
                bool good;
        } rows[] = {
                {"s3://bucket/x", NULL, true},
                {"gs://bucket/x", NULL, true},
                {"/data/x", NULL, true},
                {"file:///data/x", NULL, true},
                {"mlflow-artifacts:/1/x", NULL, true},
                {"mlflow-artifacts:///1/x", NULL, true},
                {"prompt-template", NULL, true},
                {"", NULL, true},
                {"http://h/x", NULL, false},
                {"HTTP://h/x", NULL, false},
                {"http:/x", NULL, false},
                {"ftp:///x", NULL, false},
                {"mlflow-artifacts://host:9000/models", NULL, false},
                {"http://h/x", "s3://bucket", false},
                {"http://h/x", "http://h", true},
                {"http://H:80/x", "http://h/api", true},
                {"https://h/x", "http://h", false},
                {"http://h:81/x", "http://h", false},
                {"http://h:x/", "http://h:x/", false},
                {"http://h:99999/", "http://h:99999/", false},
                {"http://h2/x", "http://h", false},
                {"http://h@evil/x", "http://h", false},
                {"http://u:p@h/x", "http://h", true},
                {"http://h\\@evil/x", "http://h", false},
                {"http://evil?@h/x", "http://h", false},
                {"http://[::1]:5000/x", "http://[::1]:5000/api", true},
                {"http://[::1]:5000/x", "http://[::2]:5000/api", false},
                {"mlflow-artifacts://h/x", "https://h/api", true},
                {"viewfs://n/x", "hdfs://n/y", true},
                {"hdfs://n:8020/x", "hdfs://n/y", false},
                {"sftp://h:22/x", "sftp://h/y", true},
                {"abfss://c@a.dfs.core/x", "abfss://d@a.dfs.core", true},
                {"abfss://c@evil/x", "abfss://c@a.dfs.core", false},
        };
        struct tracking_test *t = *state;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_int_equal(
                        source_host_check(&t->refusal, "source", rows[i].source, rows[i].root),
                        rows[i].good ? 0 : REFUSED);
}

static void test_allowed(void **state) {
        struct tracking_test *t = *state;

        assert_int_equal(setenv(ALLOWED, "ftp, HTTP", 1), 0);
        assert_int_equal(source_host_check(&t->refusal, "source", "http://h/x", NULL), 0);
        assert_int_equal(source_host_check(&t->refusal, "source", "ftp://h/x", NULL), 0);
        assert_int_equal(source_host_check(&t->refusal, "source", "https://h/x", NULL), REFUSED);
        unsetenv(ALLOWED);
        assert_int_equal(source_host_check(&t->refusal, "source", "http://h/x", NULL), REFUSED);
}

int main(void) {
        const struct CMUnitTest tests[] = {tracking_db_test(test_hosts),
                                           tracking_db_test(test_allowed)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
