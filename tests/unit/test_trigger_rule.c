/* Every rule with every mix of three upstream tasks, against Airflow's own code
 * (trigger_rule_table.tsv). */
#include "tests/unit/core_table.h"

#include "daemons/scheduler/core/trigger_rule.h"

static const char *const verdicts[] = {
        [VERDICT_WAIT] = "wait",
        [VERDICT_READY] = "ready",
        [VERDICT_SKIP] = "skipped",
        [VERDICT_UPSTREAM_FAILED] = "upstream_failed",
};

static void check(const struct core_table_row *row) {
        struct trigger_rule_counts c = {
                .n_upstream = (unsigned) core_table_number(row, 1),
                .n_success = (unsigned) core_table_number(row, 2),
                .n_failed = (unsigned) core_table_number(row, 3),
                .n_skipped = (unsigned) core_table_number(row, 4),
                .n_upstream_failed = (unsigned) core_table_number(row, 5),
                .n_removed = (unsigned) core_table_number(row, 6),
        };
        const char *found;
        enum trigger_rule rule;

        assert_int_equal(trigger_rule_parse(row->columns[0], &rule), 0);
        found = verdicts[trigger_rule_decide(rule, &c)];
        if (!str_eq(found, row->columns[7]))
                fail_msg("line %u: %s: %s, not %s", row->line, row->columns[0], found,
                         row->columns[7]);
}

static void test_airflow_table(void **state) {
        assert_int_equal(core_table_read("trigger_rule_table.tsv", check), 13 * 83);
}

/* Adding an end never takes a verdict back: a task that may start stays so. */
static void test_ready_stays_ready_when_all_is_done(void **state) {
        for (enum trigger_rule r = 0; r < _TRIGGER_RULE_MAX; r++)
                for (unsigned s = 0; s <= 3; s++) {
                        struct trigger_rule_counts c = {
                                .n_upstream = 3, .n_success = s, .n_failed = 3 - s};

                        assert_int_not_equal(trigger_rule_decide(r, &c), VERDICT_WAIT);
                }
}

static void test_no_upstream_is_ready(void **state) {
        struct trigger_rule_counts c = {};

        for (enum trigger_rule r = 0; r < _TRIGGER_RULE_MAX; r++)
                assert_int_equal(trigger_rule_decide(r, &c), VERDICT_READY);
}

static void test_setup_tasks(void **state) {
        struct trigger_rule_counts c = {.n_upstream = 2, .n_setup = 1, .n_failed = 1};

        assert_int_equal(trigger_rule_decide(RULE_ALL_DONE_SETUP_SUCCESS, &c), VERDICT_WAIT);
        c.n_success = c.n_setup_success = 1; /* the setup succeeded: what it set up is torn down */
        assert_int_equal(trigger_rule_decide(RULE_ALL_DONE_SETUP_SUCCESS, &c), VERDICT_READY);
        c.n_success = c.n_setup_success = 0;
        c.n_skipped = c.n_setup_skipped = 1;
        assert_int_equal(trigger_rule_decide(RULE_ALL_DONE_SETUP_SUCCESS, &c), VERDICT_SKIP);
        c.n_skipped = c.n_setup_skipped = 0;
        c.n_failed = 2;
        assert_int_equal(trigger_rule_decide(RULE_ALL_DONE_SETUP_SUCCESS, &c),
                         VERDICT_UPSTREAM_FAILED);
}

static void test_names(void **state) {
        enum trigger_rule r;

        for (enum trigger_rule i = 0; i < _TRIGGER_RULE_MAX; i++) {
                assert_int_equal(trigger_rule_parse(trigger_rule_name(i), &r), 0);
                assert_int_equal(r, i);
        }
        assert_int_equal(trigger_rule_parse("dummy", &r), 1);
        assert_int_equal(trigger_rule_parse("", &r), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_airflow_table),
                cmocka_unit_test(test_ready_stays_ready_when_all_is_done),
                cmocka_unit_test(test_no_upstream_is_ready),
                cmocka_unit_test(test_setup_tasks),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
