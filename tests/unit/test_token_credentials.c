/* Credential files: what each type needs, and messages that name the field and no secret. */
#include "tests/unit/net_test_cmocka.h"

#include "lib/base/str.h"
#include "lib/gcp/token_command.h"
#include "lib/gcp/token_credentials.h"

#define EXTERNAL                                                                               \
        "\"type\": \"external_account\", \"audience\": \"a\", \"subject_token_type\": \"t\", " \
        "\"credential_source\": "

static void test_refused(void **state) {
        static const struct {
                const char *text, *words;
        } rows[] = {
                {"", "line 1"},
                {"[]", "not a JSON object"},
                {"{}", "\"type\" is missing"},
                {"{\"type\": \"x509\"}", "\"x509\", which is not supported"},
                {"{\"installed\": {}}", "OAuth client"},
                {"{\"type\": \"service_account\"}", "\"client_email\" is missing"},
                {"{\"type\": \"service_account\", \"client_email\": \"a\", \"private_key\": \"\"}",
                 "\"private_key\" is empty"},
                {"{\"type\": \"service_account\", \"client_email\": \"a\", \"private_key\": "
                 "\"hush\", \"token_uri\": \"http://evil.test/\"}",
                 "\"token_uri\" must be an https:// URL"},
                {"{\"type\": \"service_account\", \"client_email\": \"a\", \"private_key\": "
                 "\"hush\", \"token_uri\": \"http://127.0.0.1.evil.test/\"}",
                 "\"token_uri\" must be an https:// URL"},
                {"{\"type\": \"authorized_user\", \"client_id\": \"a\", \"client_secret\": "
                 "\"hush\"}",
                 "\"refresh_token\" is missing"},
                {"{" EXTERNAL "{}}", "exactly one of"},
                {"{" EXTERNAL "{\"file\": \"a\", \"url\": \"b\"}}", "exactly one of"},
                {"{" EXTERNAL "{\"environment_id\": \"aws1\"}}", "AWS"},
                {"{" EXTERNAL "{\"url\": \"b\", \"headers\": {\"a\": \"b\\r\\nc\"}}}", "header"},
                {"{" EXTERNAL "{\"file\": \"a\", \"format\": {\"type\": \"xml\"}}}", "xml"},
                {"{" EXTERNAL "{\"executable\": {\"command\": \"a\", \"timeout_millis\": 0}}}",
                 "timeout_millis"},
                {"{\"type\": \"impersonated_service_account\"}",
                 "\"service_account_impersonation_url\" is missing"},
                {"{\"type\": \"impersonated_service_account\", "
                 "\"service_account_impersonation_url\": \"https://x/\", \"source_credentials\": "
                 "{\"type\": \"impersonated_service_account\"}}",
                 "not supported here"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct token_credentials_file *f = NULL;
                struct errmsg em = {};

                assert_int_equal(token_credentials_parse("k.json", rows[i].text,
                                                         strlen(rows[i].text), &em, &f),
                                 -EINVAL);
                assert_null(f);
                if (!strstr(em.text, rows[i].words) || !str_starts(em.text, "k.json: "))
                        fail_msg("%s: \"%s\" lacks \"%s\"", rows[i].text, em.text, rows[i].words);
                assert_null(strstr(em.text, "hush"));
        }
}

static void test_external(void **state) {
        static const char text[] =
                "{" EXTERNAL "{\"executable\": {\"command\": \"x y\", \"output_file\": \"o\"}}}";
        _cleanup_(token_credentials_freep) struct token_credentials_file *f = NULL;

        assert_int_equal(token_credentials_parse("k", text, strlen(text), NULL, &f), 0);
        assert_int_equal(f->c.type, TOKEN_CREDENTIALS_EXTERNAL);
        assert_string_equal(f->c.token_url, "https://sts.googleapis.com/v1/token");
        assert_string_equal(f->c.subject.command, "x y");
        assert_string_equal(f->c.subject.output_file, "o");
        assert_int_equal(f->c.subject.timeout_ms, 30000);
        assert_null(f->c.impersonation_url);
}

static void test_missing_file(void **state) {
        struct token_credentials_file *f;
        struct errmsg em = {};

        assert_int_equal(token_credentials_read("/nonexistent/k.json", &em, &f), -ENOENT);
        assert_non_null(strstr(em.text, "/nonexistent/k.json"));
        assert_non_null(strstr(em.text, "uid"));
}

static void test_command_words(void **state) {
        char **words = NULL;

        assert_int_equal(token_command_split("  a 'b c' \"d \\\" e\" f\\ g ''", &words), 0);
        assert_int_equal(str_count(words), 5);
        assert_string_equal(words[1], "b c");
        assert_string_equal(words[2], "d \" e");
        assert_string_equal(words[3], "f g");
        assert_string_equal(words[4], "");
        str_free_list(words);
        assert_int_equal(token_command_split(" ", &words), -EINVAL);
        assert_int_equal(token_command_split("'open", &words), -EINVAL);
}

static void test_command_limits(void **state) {
        static const char *const sleeper[] = {"/bin/sh", "-c", "echo on; exec sleep 60", NULL};
        static const char *const talker[] = {"/bin/sh", "-c", "exec cat /dev/zero", NULL};
        struct token_command c = {.argv = sleeper, .total_for = 100 * USEC_PER_MSEC};
        _cleanup_buf_ struct buf out = {}, much = {};
        struct errmsg em = {};

        assert_int_equal(token_command_run(&c, &out, &em), -ETIMEDOUT);
        assert_non_null(strstr(em.text, "in time"));
        c = (struct token_command){.argv = talker, .total_for = 60 * USEC_PER_SEC};
        assert_int_equal(token_command_run(&c, &much, &em), -E2BIG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refused),        cmocka_unit_test(test_external),
                cmocka_unit_test(test_missing_file),   cmocka_unit_test(test_command_words),
                cmocka_unit_test(test_command_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
