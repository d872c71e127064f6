#include "tests/unit/base_test.h"

#include "cli/up.h"

static void waits_grow_and_start_anew(void **state) {
        usec_t wait = 0;
        int n = 0;

        (void) state;
        do {
                usec_t last = wait;

                wait = up_child_backoff(last, 0, false);
                assert_true(wait >= last && wait >= UP_RESTART_MIN && wait <= UP_RESTART_MAX);
        } while (wait < UP_RESTART_MAX && ++n < 20);
        assert_in_range(n, 4, 10);
        assert_int_equal(up_child_backoff(wait, UP_STEADY_FOR - 1, false), UP_RESTART_MAX);
        assert_int_equal(up_child_backoff(wait, UP_STEADY_FOR, false), UP_RESTART_MIN);
        assert_int_equal(up_child_backoff(wait, 1, true), UP_RESTART_READY_MAX);
        assert_int_equal(up_child_backoff(UP_RESTART_MIN, 1, true), 2 * UP_RESTART_MIN);
}

static void children_are_found(void **state) {
        char *args[] = {(char *) "--x", (char *) "y", NULL};
        struct up u = {};
        struct up_child *a = up_child_add(&u, "scheduler", "scheduler", args, 2);
        struct up_child *b = up_child_add(&u, "service x", "serving", NULL, 1);

        (void) state;
        assert_non_null(a);
        assert_non_null(b);
        assert_string_equal(a->args[1], "y");
        a->pid = 77;
        assert_ptr_equal(up_child_by_pid(&u, 77), a);
        assert_ptr_equal(up_child_find(&u, "service x"), b);
        assert_null(up_child_find(&u, "x"));
        for (size_t i = 2; i < UP_CHILDREN_MAX; i++)
                assert_non_null(up_child_add(&u, "more", "serving", NULL, 1));
        assert_null(up_child_add(&u, "one too many", "serving", NULL, 1));
        up_child_free_all(&u);
}

static void no_memory(void **state) {
        char *args[] = {(char *) "--x", NULL};
        struct up_child *child = NULL;
        struct up u = {};

        (void) state;
        for (unsigned nth = 1; !child; nth++) {
                assert_true(nth < 20);
                fault_arm(FAULT_ALLOC, nth, 0, 1);
                child = up_child_add(&u, "a", "b", args, 0);
                fault_reset();
                assert_int_equal(u.n_children, child ? 1 : 0);
        }
        up_child_free_all(&u);
}

static void what_waits_is_gone_at_once(void **state) {
        struct up u = {};
        struct up_child *first = up_child_add(&u, "a", "a", NULL, 0);
        struct up_child *second = up_child_add(&u, "b", "b", NULL, 3);

        (void) state;
        assert_true(up_child_stop_next(&u));
        assert_int_equal(first->state, UP_GONE);
        assert_int_equal(second->state, UP_WAITING);
        assert_true(up_child_stop_next(&u));
        assert_int_equal(second->state, UP_GONE);
        assert_false(second->wanted);
        assert_false(up_child_stop_next(&u));
        up_child_free_all(&u);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(waits_grow_and_start_anew),
                cmocka_unit_test(children_are_found),
                cmocka_unit_test_teardown(no_memory, base_test_no_faults),
                cmocka_unit_test(what_waits_is_gone_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
