#include "daemons/tracking/filter_scan.h"
#include "tests/unit/tracking_test.h"

static size_t scan(struct tracking_test *t, enum filter_family family, const char *text,
                   const struct filter_comparison **ret) {
        size_t n = 99;

        if (filter_scan(family, text, &t->refusal, ret, &n) != 0)
                fail_msg("%s: %s", text, t->refusal.text);
        return n;
}

static void refused(struct tracking_test *t, enum filter_family family, const char *text,
                    const char *words) {
        const struct filter_comparison *found;
        size_t n;

        assert_refused(t, filter_scan(family, text, &t->refusal, &found, &n), words);
}

static void test_comparisons(void **state) {
        struct tracking_test *t = *state;
        const struct filter_comparison *c;

        assert_int_equal(scan(t, FILTER_RUNS, NULL, &c), 0);
        assert_int_equal(scan(t, FILTER_RUNS, "", &c), 0);
        assert_int_equal(scan(t, FILTER_RUNS, "and AND", &c), 0);
        assert_int_equal(scan(t, FILTER_RUNS, "a.`b c`>= 5 AND x like 'y' AND z not in ('a')", &c),
                         3);
        assert_true(filter_lex_is(&c[0].left, "a.`b c`") && filter_lex_is(&c[0].right, "5"));
        assert_int_equal(c[0].op, FILTER_GE);
        assert_string_equal(c[1].op_text, "LIKE");
        assert_int_equal(c[1].op, FILTER_LIKE);
        assert_int_equal(c[2].op, FILTER_NOT_IN);
        assert_int_equal(c[2].right.kind, FILTER_GROUP);
        assert_int_equal(scan(t, FILTER_RUNS, "5 = x AND a is not null and a rlike 'b'", &c), 3);
        assert_int_equal(c[0].left.kind, FILTER_INTEGER);
        assert_int_equal(c[1].op, FILTER_IS_NOT_NULL);
        assert_int_equal(c[1].right.size, 0);
        assert_int_equal(c[2].op, FILTER_OP_OTHER);
}

static void test_refused(void **state) {
        struct tracking_test *t = *state;
        struct buf text _cleanup_(buf_done) = {};

        refused(t, FILTER_RUNS, " \t", "Invalid filter ' \t'. Could not be parsed.");
        refused(t, FILTER_LOGGED_MODELS, " ",
                "Invalid filter string: ' '. Expected a single SQL expression.");
        refused(t, FILTER_RUNS, "a = 1 AND name in 'x' OR b",
                "Invalid clause(s) in filter string: 'name', 'in', ''x'', 'OR', 'b'");
        refused(t, FILTER_EXPERIMENTS, "name = TRUE",
                "Invalid clause(s) in filter string: name, =, TRUE");
        refused(t, FILTER_RUNS, "a = 1; b = 2",
                "Search filter contained multiple expression 'a = 1; b = 2'. Provide AND-ed "
                "expression list.");
        for (int i = 0; i <= FILTER_CLAUSES_MAX; i++)
                buf_add_lit(&text, "a = 1 AND ");
        refused(t, FILTER_RUNS, buf_cstr(&text), "A filter string has at most 200 clauses.");
}

/* A million parentheses that nobody closes once took minutes. */
static void test_endless(void **state) {
        struct tracking_test *t = *state;
        struct buf text _cleanup_(buf_done) = {};
        const struct filter_comparison *c;
        const char *end;
        size_t n;

        buf_add_fill(&text, '(', 1000000);
        assert_int_equal(filter_scan(FILTER_EXPERIMENTS, buf_cstr(&text), &t->refusal, &c, &n),
                         REFUSED);
        end = strchr(t->refusal.text, '(');
        for (n = 0; end && *end == '('; n++) /* of "clause(s)" and those that were named */
                end = strchr(end + 1, '(');
        assert_int_equal(n, 1 + FILTER_CLAUSES_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_test(test_comparisons),
                tracking_test(test_refused),
                tracking_test(test_endless),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
