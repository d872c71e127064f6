/* Credentials in connections: by the names of Airflow's hooks, old and new. */
#include "tests/unit/net_test_cmocka.h"

#include <errno.h>

#include "lib/base/json.h"
#include "lib/gcp/conn_credentials.h"
#include "lib/gcp/store_any.h"
#include "lib/gcp/token.h"

static int read_one(struct arena *a, const char *text, struct conn_credentials *ret,
                    struct errmsg *em) {
        struct json *j;

        assert_int_equal(json_parse_copy(a, text, strlen(text), &j, em), 0);
        return conn_credentials_read(j, a, ret, em);
}

static void test_google(void **state) {
        static const char *const same[] = {
                "{\"conn_type\":\"google_cloud_platform\",\"extra\":\"{\\\"keyfile_dict\\\":"
                "\\\"{\\\\\\\"a\\\\\\\":1}\\\",\\\"project\\\":\\\"p\\\"}\"}",
                "{\"conn_type\":\"gcpbigquery\",\"extra\":{\"keyfile_dict\":{\"a\":1},\"project\":"
                "\"p\"}}",
                "{\"conn_type\":\"google_cloud_platform\",\"extra\":"
                "{\"extra__google_cloud_platform__keyfile_dict\":{\"a\":1},"
                "\"extra__google_cloud_platform__project\":\"p\"}}"};
        struct token_options o = {.gcloud = true};
        struct conn_credentials c;
        struct errmsg em;
        struct arena a;

        arena_init(&a, 0);
        for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
                assert_int_equal(read_one(&a, same[i], &c, &em), 0);
                assert_int_equal(c.kind, CONN_CREDENTIALS_GOOGLE);
                assert_string_equal(c.key_json, "{\"a\":1}");
                assert_string_equal(c.project, "p");
                assert_null(c.key_path);
        }
        conn_credentials_token(&c, &o);
        assert_string_equal(o.credentials_json, "{\"a\":1}");
        assert_true(o.gcloud); /* all else stays */
        /* without a key: the machine's own */
        assert_int_equal(
                read_one(&a, "{\"conn_type\":\"google_cloud_platform\",\"extra\":\"\"}", &c, &em),
                0);
        assert_null(c.key_json);
        arena_done(&a);
}

static void test_aws(void **state) {
        struct conn_credentials c;
        struct errmsg em;
        struct arena a;

        arena_init(&a, 0);
        /* s3://key:secret@S3, as its URI is read */
        assert_int_equal(read_one(&a,
                                  "{\"conn_type\":\"s3\",\"host\":\"s3\",\"login\":\"key\","
                                  "\"password\":\"secret\"}",
                                  &c, &em),
                         0);
        assert_int_equal(c.kind, CONN_CREDENTIALS_AWS);
        assert_string_equal(c.aws.access_key, "key");
        assert_string_equal(c.aws.secret_key, "secret");
        assert_null(c.aws.endpoint);
        assert_int_equal(read_one(&a,
                                  "{\"conn_type\":\"aws\",\"extra\":{\"aws_access_key_id\":\"k\","
                                  "\"aws_secret_access_key\":\"s\",\"aws_session_token\":\"t\","
                                  "\"region_name\":\"eu-west-1\",\"host\":\"http://old:1\","
                                  "\"endpoint_url\":\"http://new:1\"}}",
                                  &c, &em),
                         0);
        assert_string_equal(c.aws.access_key, "k");
        assert_string_equal(c.aws.session_token, "t");
        assert_string_equal(c.aws.region, "eu-west-1");
        assert_string_equal(c.aws.endpoint, "http://new:1");
        assert_int_equal(read_one(&a, "{\"conn_type\":\"http\",\"login\":\"x\"}", &c, &em), 0);
        assert_int_equal(c.kind, CONN_CREDENTIALS_NONE);
        assert_null(c.aws.access_key);
        arena_done(&a);
}

static void test_refused(void **state) {
        static const struct {
                const char *text, *word;
        } rows[] = {
                {"{\"conn_type\":\"aws\",\"login\":\"k\"}", "password (secret key)"},
                {"{\"conn_type\":\"aws\",\"password\":\"s\"}", "login (access key)"},
                {"{\"conn_type\":\"aws\",\"extra\":{\"role_arn\":\"r\"}}", "role_arn"},
                {"{\"conn_type\":\"aws\",\"extra\":\"{\"}", "no JSON"},
                {"{\"conn_type\":\"gcp\",\"extra\":{\"key_secret_name\":\"r\"}}", "keyfile_dict"},
                {"{\"conn_type\":\"gcp\",\"extra\":{\"key_path\":\"/k\",\"keyfile_dict\":\"{}\"}}",
                 "exclude"},
        };
        struct conn_credentials c;
        struct errmsg em;
        struct arena a;

        arena_init(&a, 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_int_equal(read_one(&a, rows[i].text, &c, &em), -EINVAL);
                assert_non_null(strstr(em.text, rows[i].word));
        }
        arena_done(&a);
}

static void test_a_store_of_the_other_cloud(void **state) {
        struct conn_credentials c = {.kind = CONN_CREDENTIALS_AWS,
                                     .aws = {.access_key = "k", .secret_key = "s"}};
        struct store *s = NULL;
        struct errmsg em;

        assert_int_equal(store_any_open_given("gs://bucket", &c, &em, &s), -EINVAL);
        assert_non_null(strstr(em.text, "google_cloud_platform"));
        assert_int_equal(store_any_open_given("s3://bucket/x", &c, &em, &s), 0);
        store_free(s);
        c.kind = CONN_CREDENTIALS_GOOGLE;
        assert_int_equal(store_any_open_given("s3://bucket/x", &c, &em, &s), -EINVAL);
        c.key_json = "{}";
        assert_int_equal(store_any_open_given("gs://bucket", &c, &em, &s), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_google),
                cmocka_unit_test(test_aws),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_a_store_of_the_other_cloud),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
