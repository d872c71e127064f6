#include "tests/unit/core_fixture.h"

#include "daemons/scheduler/core/run_state.h"
#include "lib/base/state_table.h"

static void test_table_is_sound(void **state) {
        struct errmsg em = {};

        if (state_table_validate(run_state_table(), RUN_QUEUED, &em) < 0)
                fail_msg("%s", em.text);
}

static void test_names(void **state) {
        enum run_state s;
        enum run_type t;

        for (enum run_state i = 0; i < _RUN_STATE_MAX; i++) {
                assert_int_equal(run_state_parse(run_state_name(i), &s), 0);
                assert_int_equal(s, i);
        }
        assert_int_equal(run_state_parse("paused", &s), 1);
        for (enum run_type i = 0; i < _RUN_TYPE_MAX; i++) {
                assert_int_equal(run_state_type_parse(run_state_type_name(i), &t), 0);
                assert_int_equal(t, i);
        }
        assert_int_equal(run_state_type_parse("asset", &t), 1);
}

static void test_moves(void **state) {
        assert_true(run_state_may_move(RUN_QUEUED, RUN_RUNNING));
        assert_true(run_state_may_move(RUN_SUCCESS, RUN_QUEUED)); /* cleared */
        assert_false(run_state_may_move(RUN_SUCCESS, RUN_RUNNING));
        assert_false(run_state_may_move(RUN_RUNNING, RUN_RUNNING));
        assert_true(run_state_is_finished(RUN_FAILED));
        assert_false(run_state_is_finished(RUN_QUEUED));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table_is_sound),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_moves),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
