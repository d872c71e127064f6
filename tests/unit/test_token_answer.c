/* Answers of token endpoints: every form that is taken, and what is refused without being quoted.
 */
#include "tests/unit/net_test_cmocka.h"

#include "lib/base/mem.h"
#include "lib/gcp/token_answer.h"

#define NOW_AT (1000 * USEC_PER_SEC)

static int parse(const char *body, char **ret_text, usec_t *ret_at, struct errmsg *em) {
        return token_answer_parse(body, strlen(body), NOW_AT, ret_text, ret_at, em);
}

static void test_taken(void **state) {
        static const struct {
                const char *body;
                usec_t at;
        } rows[] = {
                {"{\"access_token\": \"x\", \"expires_in\": 60}", NOW_AT + 60 * USEC_PER_SEC},
                {"{\"access_token\": \"x\", \"expires_in\": \"60\"}", NOW_AT + 60 * USEC_PER_SEC},
                {"{\"access_token\": \"x\", \"expires_in\": 60.5}", NOW_AT + 60 * USEC_PER_SEC},
                {"{\"access_token\": \"x\", \"expires_in\": 0}", 0},
                {"{\"access_token\": \"x\", \"expires_in\": null}", 0},
                {"{\"access_token\": \"x\"}", 0},
                {"{\"accessToken\": \"x\", \"expireTime\": \"1970-01-01T00:20:00Z\"}",
                 1200 * USEC_PER_SEC},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct errmsg em = {};
                char *text;
                usec_t at;

                if (parse(rows[i].body, &text, &at, &em) < 0)
                        fail_msg("%s: %s", rows[i].body, em.text);
                assert_string_equal(text, "x");
                assert_int_equal(at, rows[i].at);
                mem_free(text);
        }
}

static void test_refused(void **state) {
        static const char *const rows[] = {
                "",
                "secret",
                "[\"secret\"]",
                "{\"access_token\": 5}",
                "{\"access_token\": \"\"}",
                "{\"access_token\": \"s ecret\"}",
                "{\"access_token\": \"secret\\r\\nX: y\"}",
                "{\"access_token\": \"secret\", \"expires_in\": -1}",
                "{\"access_token\": \"secret\", \"expires_in\": \"soon\"}",
                "{\"access_token\": \"secret\", \"expires_in\": {}}",
                "{\"accessToken\": \"secret\", \"expireTime\": \"soon\"}",
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct errmsg em = {};
                char *text = NULL;
                usec_t at = 5;

                assert_int_equal(parse(rows[i], &text, &at, &em), -EPROTO);
                assert_null(text);
                assert_int_equal(at, 5);
                assert_null(strstr(em.text, "ecret"));
        }
}

static void test_reason(void **state) {
        static const struct {
                const char *body, *reason;
        } rows[] = {
                {"{\"error\": \"invalid_grant\", \"error_description\": \"Bad\\nday\"}",
                 "invalid_grant: Badday"},
                {"{\"error\": {\"status\": \"DENIED\", \"message\": \"no\"}}", "DENIED: no"},
                {"<html>", ""},
                {"{\"error\": 5}", ""},
        };
        char ret[32], tiny[4];

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                token_answer_reason(rows[i].body, strlen(rows[i].body), ret, sizeof ret);
                assert_string_equal(ret, rows[i].reason);
        }
        token_answer_reason(rows[0].body, strlen(rows[0].body), tiny, sizeof tiny);
        assert_string_equal(tiny, "inv");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_taken),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_reason),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
