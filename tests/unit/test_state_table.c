#include "tests/unit/base_test.h"

#include "lib/base/state_table.h"

enum { QUEUED, RUNNING, SUCCESS, FAILED, N_STATES };

static const struct state_table_row rows[] = {
        [QUEUED] = {"queued", STATE_TABLE_BIT(RUNNING) | STATE_TABLE_BIT(FAILED)},
        [RUNNING] = {"running", STATE_TABLE_BIT(SUCCESS) | STATE_TABLE_BIT(FAILED)},
        [SUCCESS] = {"success", 0},
        [FAILED] = {"failed", STATE_TABLE_BIT(QUEUED)},
};
static const struct state_table table = {"try", rows, N_STATES};

static void moves(void **state) {
        struct errmsg em;

        (void) state;
        assert_true(state_table_allows(&table, QUEUED, RUNNING));
        assert_false(state_table_allows(&table, QUEUED, SUCCESS));
        assert_false(state_table_allows(&table, QUEUED, 99));
        assert_false(state_table_allows(&table, 99, QUEUED));
        assert_true(state_table_is_final(&table, SUCCESS));
        assert_false(state_table_is_final(&table, FAILED));
        assert_int_equal(state_table_check(&table, RUNNING, FAILED, &em), 0);
        assert_int_equal(state_table_check(&table, SUCCESS, RUNNING, &em), -EPROTO);
        assert_string_equal(em.text, "a try cannot go from \"success\" to \"running\"");
}

static void names(void **state) {
        (void) state;
        assert_string_equal(state_table_name(&table, FAILED), "failed");
        assert_string_equal(state_table_name(&table, 77), "?");
        assert_int_equal(state_table_find(&table, "running"), RUNNING);
        assert_int_equal(state_table_find(&table, "walking"), -EINVAL);
}

static void validation(void **state) {
        struct state_table_row bad[N_STATES];
        struct state_table t = {"try", bad, N_STATES};
        struct errmsg em;

        (void) state;
        assert_int_equal(state_table_validate(&table, QUEUED, &em), 0);
        assert_int_equal(state_table_validate(&table, SUCCESS, &em), -EINVAL);
        assert_says(em, "is never reached");
        memcpy(bad, rows, sizeof(rows));
        bad[FAILED].next = STATE_TABLE_BIT(9);
        assert_int_equal(state_table_validate(&t, QUEUED, &em), -EINVAL);
        assert_says(em, "leads to no state");
        bad[FAILED] = (struct state_table_row){"queued", 0};
        assert_int_equal(state_table_validate(&t, QUEUED, &em), -EINVAL);
        assert_says(em, "stands twice");
        bad[FAILED].name = NULL;
        assert_int_equal(state_table_validate(&t, QUEUED, &em), -EINVAL);
        assert_says(em, "has no name");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(moves),
                cmocka_unit_test(names),
                cmocka_unit_test(validation),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
