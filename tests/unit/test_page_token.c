#include "daemons/tracking/page_token.h"
#include "tests/unit/tracking_test.h"

static void test_round(void **state) {
        struct tracking_test *t = *state;
        static const int64_t offsets[] = {1, 2, 25000, INT64_MAX};
        int64_t got;

        for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
                const char *token = page_token_print(&t->arena, offsets[i]);

                assert_int_equal(page_token_parse(token, &t->refusal, &got), 0);
                assert_int_equal(got, offsets[i]);
        }
        /* As MLflow's server writes it. */
        assert_string_equal(page_token_print(&t->arena, 2), "eyJvZmZzZXQiOiAyfQ==");
        assert_int_equal(page_token_parse(NULL, &t->refusal, &got), 0);
        assert_int_equal(got, 0);
}

static void test_refused(void **state) {
        struct tracking_test *t = *state;
        static const char *const bad[] = {"%%%",
                                          "x",
                                          "bm8=",
                                          "e30=",
                                          "W10=",
                                          "eyJvZmZzZXQiOiAwfQ==",
                                          "eyJvZmZzZXQiOiAtMX0=",
                                          "eyJvZmZzZXQiOiAieCJ9"};
        int64_t got;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_refused(t, page_token_parse(bad[i], &t->refusal, &got),
                               "Invalid page token");
}

int main(void) {
        const struct CMUnitTest tests[] = {tracking_test(test_round), tracking_test(test_refused)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
