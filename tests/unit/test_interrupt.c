#include "fuse-gcs/interrupt.h"

#include "tests/unit/base_test.h"

#define STATUS(own, shared)                                                               \
        "Name:\tcat\nUmask:\t0022\nState:\tD (disk sleep)\nThreads:\t1\nSigQ:\t2/96117\n" \
        "SigPnd:\t" own "\nShdPnd:\t" shared "\nSigBlk:\t0000000000000100\n"              \
        "SigIgn:\t0000000000000100\nSigCgt:\t0000000000000100\n"
#define NONE "0000000000000000"

static void test_who_ends(void **state) {
        assert_true(interrupt_says_ends(STATUS("0000000000000100", NONE)));
        assert_true(interrupt_says_ends(STATUS(NONE, "0000000000000100")));
        assert_true(interrupt_says_ends(STATUS("0000000000004101", NONE)));
        /* SIGALRM, SIGINT, SIGTERM: it has a handler, or it would be SIGKILL. */
        assert_false(interrupt_says_ends(STATUS("0000000000006002", "0000000000002000")));
        /* What is blocked, ignored or caught says nothing. */
        assert_false(interrupt_says_ends(STATUS(NONE, NONE)));
        assert_false(interrupt_says_ends(""));
        assert_false(interrupt_says_ends("Name:\tx\nSigPnd:"));
}

/* A thread that carries out no request has nobody to ask. */
static void test_nobody_asks(void **state) {
        struct interrupt_wait w = {};

        interrupt_wait_begin(&w);
        assert_false(interrupt_came(&w));
        assert_false(interrupt_is_wanted());
        interrupt_wait_end(&w);
}

static void test_the_next_look_is_later(void **state) {
        struct timespec now, at;

        clock_gettime(CLOCK_REALTIME, &now);
        interrupt_next_look(&at);
        assert_in_range(at.tv_nsec, 0, 999999999);
        assert_true(at.tv_sec > now.tv_sec ||
                    (at.tv_sec == now.tv_sec && at.tv_nsec > now.tv_nsec));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_who_ends),
                cmocka_unit_test(test_nobody_asks),
                cmocka_unit_test(test_the_next_look_is_later),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
