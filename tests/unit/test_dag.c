/* References, lookups, delays. */
#include "tests/unit/core_fixture.h"

#define HEAD "{\"onebox_dag\":1,\"dag_id\":\"d\","
#define TASKS "\"tasks\":[{\"id\":\"a\",\"cmd\":\"true\"}]}"

static void test_references(void **state) {
        struct dag *d = core_fixture_dag(HEAD TASKS);

        assert_ptr_equal(dag_ref(d), d);
        assert_null(dag_unref(d));
        assert_string_equal(d->id, "d");
        assert_null(dag_unref(d));
        assert_null(dag_unref(NULL));
}

static void test_retry_at(void **state) {
        struct dag_task t = {.retry_delay_for = 10 * USEC_PER_SEC, .retry_factor = 1};

        assert_true(dag_retry_at(&t, 1, 1000) == 1000 + 10 * USEC_PER_SEC);
        assert_true(dag_retry_at(&t, 9, 1000) == 1000 + 10 * USEC_PER_SEC);
        t.retry_factor = 2;
        assert_true(dag_retry_at(&t, 1, 0) == 10 * USEC_PER_SEC);
        assert_true(dag_retry_at(&t, 4, 0) == 80 * USEC_PER_SEC);
        assert_true(dag_retry_at(&t, 10000, 0) == USEC_PER_DAY);
        t.retry_max_delay_for = 25 * USEC_PER_SEC;
        assert_true(dag_retry_at(&t, 3, 0) == 25 * USEC_PER_SEC);
}

static void test_lookup(void **state) {
        static const char *const tasks[] = {"b", "a<b", NULL};
        struct dag *d = core_fixture_tasks("x", "", tasks);

        assert_ptr_equal(dag_get_task(d, "a"), &d->tasks[1]);
        assert_ptr_equal(dag_get_task(d, "b"), &d->tasks[0]);
        assert_null(dag_get_task(d, ""));
        dag_unref(d);
}

static void test_names(void **state) {
        assert_string_equal(dag_kind_name(DAG_MARKER), "marker");
        assert_string_equal(dag_kind_name(DAG_COMMAND), "command");
        assert_string_equal(dag_missed_name(DAG_MISSED_WITHIN), "within");
        assert_string_equal(dag_missed_name(DAG_MISSED_SKIP), "skip");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_references),
                cmocka_unit_test(test_retry_at),
                cmocka_unit_test(test_lookup),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
