#include "daemons/tracking/issues_page.h"
#include "tests/unit/tracking_test.h"

static const char *statuses[] = {"resolved", "pending", "pending"},
                  *swapped[] = {"pending", "resolved"};

static const struct issues_page_query query = {
        .experiment_id = "1", .view = "basic", .statuses = statuses, .n_statuses = 3};

static void test_beginning(void **state) {
        struct tracking_test *t = *state;
        const struct issues_page_query plain = {.experiment_id = "1", .with_traces = true};
        struct issues_page p;

        assert_int_equal(issues_page_parse(&plain, NULL, &t->refusal, &p), 0);
        assert_true(p.offset == 0 && !p.after && !p.is_enhanced);
        assert_int_equal(issues_page_parse(&query, "", &t->refusal, &p), 0);
        assert_true(p.offset == 0 && !p.after && p.is_enhanced);
}

/* A token is taken for the same question only, in whatever order its words stand. */
static void test_offset(void **state) {
        struct tracking_test *t = *state;
        struct issues_page_query same = query, other = query;
        struct issues_page p, q;
        const char *token;

        assert_int_equal(issues_page_parse(&query, NULL, &t->refusal, &p), 0);
        token = issues_page_print(&p, &t->arena, 7);
        same.statuses = swapped;
        same.n_statuses = 2;
        assert_int_equal(issues_page_parse(&same, token, &t->refusal, &q), 0);
        assert_int_equal(q.offset, 7);
        other.n_statuses = 1;
        assert_refused(t, issues_page_parse(&other, token, &t->refusal, &q), "does not match");
}

/* The first clients' tokens say no question. */
static void test_plain_offset(void **state) {
        struct tracking_test *t = *state;
        const struct issues_page_query plain = {.experiment_id = "1"};
        struct issues_page p;
        const char *token;

        assert_int_equal(issues_page_parse(&plain, NULL, &t->refusal, &p), 0);
        token = issues_page_print(&p, &t->arena, 3);
        assert_string_equal(token, "eyJvZmZzZXQiOiAzfQ==");
        assert_int_equal(issues_page_parse(&plain, token, &t->refusal, &p), 0);
        assert_int_equal(p.offset, 3);
        assert_refused(t, issues_page_parse(&query, token, &t->refusal, &p), "does not match");
}

static void test_after(void **state) {
        struct tracking_test *t = *state;
        const char *order[] = {"name"};
        struct issues_page_query ordered = query;
        struct issues_page p, q;

        ordered.order_by = order;
        ordered.n_order_by = 1;
        assert_int_equal(issues_page_parse(&ordered, NULL, &t->refusal, &p), 0);
        assert_int_equal(issues_page_parse(
                                 &ordered,
                                 issues_page_print_after(&p, &t->arena, "[\"\\u00e4\", \"iss-1\"]"),
                                 &t->refusal, &q),
                         0);
        assert_int_equal(q.after->len, 2);
        assert_string_equal(json_at(q.after, 0)->str, "ä");
        for (size_t i = 0; i < 3; i++) {
                static const char *const wrong[] = {"[1]", "{}", "[1, null]"};
                const char *token = issues_page_print_after(&p, &t->arena, wrong[i]);

                assert_refused(t, issues_page_parse(&ordered, token, &t->refusal, &q), "Invalid");
        }
}

static void test_garbage(void **state) {
        struct tracking_test *t = *state;
        const struct issues_page_query plain = {};
        static const char *const wrong[] = {"x",
                                            "bm8=",                 /* no */
                                            "WzFd",                 /* [1] */
                                            "e30=",                 /* {} */
                                            "eyJvZmZzZXQiOiAtMX0=", /* {"offset": -1} */
                                            "eyJvZmZzZXQiOiAiMiJ9", /* {"offset": "2"} */
                                            "eyJ2ZXJzaW9uIjogMn0=" /* {"version": 2} */};
        struct issues_page p;

        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_refused(t, issues_page_parse(&plain, wrong[i], &t->refusal, &p), "Invalid");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_test(test_beginning),    tracking_test(test_offset),
                tracking_test(test_plain_offset), tracking_test(test_after),
                tracking_test(test_garbage),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
