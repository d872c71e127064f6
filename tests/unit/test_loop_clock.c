/* A step of the wall clock is told. Setting it needs the right to, and no other test at its mercy:
 * the watch is made and unmade, and must stay quiet while nobody sets the clock. */
#include "tests/unit/base_test.h"

#include "lib/net/loop_clock.h"

static unsigned n_told;

static void on_set(void *ctx) {
        n_told++;
}

static void test_quiet_while_nothing_happens(void **state) {
        struct loop *l;
        struct loop_clock *c;

        assert_int_equal(loop_new(&l), 0);
        assert_int_equal(loop_clock_watch(l, on_set, NULL, &c), 0);
        for (int i = 0; i < 3; i++)
                assert_int_equal(loop_turn(l, 10 * USEC_PER_MSEC), 0);
        assert_int_equal(n_told, 0);
        loop_clock_free(c);
        loop_clock_free(NULL);
        loop_free(l);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_quiet_while_nothing_happens),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
