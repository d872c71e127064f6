#include "tests/unit/core_fixture.h"

#include "daemons/scheduler/core/task_state.h"
#include "lib/base/state_table.h"

static void test_table_is_sound(void **state) {
        struct errmsg em = {};

        if (state_table_validate(task_state_table(), TASK_NONE, &em) < 0)
                fail_msg("%s", em.text);
}

static void test_names(void **state) {
        enum task_state s;

        for (enum task_state i = 0; i < _TASK_STATE_MAX; i++) {
                assert_int_equal(task_state_parse(task_state_name(i), &s), 0);
                assert_int_equal(s, i);
        }
        assert_int_equal(task_state_parse("zombie", &s), 1);
        assert_null(task_state_rest_name(TASK_NONE));
        assert_string_equal(task_state_rest_name(TASK_INTERRUPTED), "up_for_retry");
        assert_string_equal(task_state_rest_name(TASK_UPSTREAM_FAILED), "upstream_failed");
}

/* A finished task changes only by a person's hand: back to none, or marked. Never to a live state.
 */
static void test_finished_is_final(void **state) {
        for (enum task_state from = 0; from < _TASK_STATE_MAX; from++) {
                if (!task_state_is_finished(from))
                        continue;
                assert_true(task_state_may_move(from, TASK_NONE));
                assert_false(task_state_may_move(from, TASK_QUEUED));
                assert_false(task_state_may_move(from, TASK_RUNNING));
                assert_false(task_state_may_move(from, TASK_UP_FOR_RETRY));
        }
}

/* A process begins in one way only. */
static void test_only_queued_runs(void **state) {
        for (enum task_state from = 0; from < _TASK_STATE_MAX; from++)
                assert_int_equal(task_state_may_move(from, TASK_RUNNING), from == TASK_QUEUED);
        assert_true(task_state_is_live(TASK_QUEUED) && task_state_is_live(TASK_RUNNING));
        assert_false(task_state_is_live(TASK_SCHEDULED) || task_state_is_live(TASK_INTERRUPTED));
}

/* Only a live task is interrupted or comes up for retry. */
static void test_ends_of_tries(void **state) {
        for (enum task_state from = 0; from < _TASK_STATE_MAX; from++) {
                assert_int_equal(task_state_may_move(from, TASK_INTERRUPTED),
                                 task_state_is_live(from));
                assert_int_equal(task_state_may_move(from, TASK_UP_FOR_RETRY),
                                 task_state_is_live(from));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table_is_sound),    cmocka_unit_test(test_names),
                cmocka_unit_test(test_finished_is_final), cmocka_unit_test(test_only_queued_runs),
                cmocka_unit_test(test_ends_of_tries),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
