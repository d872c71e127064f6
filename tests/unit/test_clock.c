#include "tests/unit/base_test.h"

#include <time.h>

#include "lib/base/clock.h"

static void the_system_clock_agrees(void **state) {
        usec_t before = (usec_t) time(NULL) * USEC_PER_SEC, a, b;

        (void) state;
        a = clock_now(clock_system());
        assert_true(a >= before && a < before + USEC_PER_HOUR);
        a = clock_mono(clock_system());
        b = clock_mono(clock_system());
        assert_true(b >= a);
}

static void the_fake_goes_when_told(void **state) {
        struct clock_fake f;

        (void) state;
        clock_fake_init(&f, 100 * USEC_PER_SEC);
        assert_int_equal(clock_now(&f.clock), 100 * USEC_PER_SEC);
        clock_fake_advance(&f, 5);
        assert_int_equal(clock_now(&f.clock), 100 * USEC_PER_SEC + 5);
        assert_int_equal(clock_mono(&f.clock), USEC_PER_SEC + 5);
        clock_fake_jump(&f, 7);
        assert_int_equal(clock_now(&f.clock), 7);
        assert_int_equal(clock_mono(&f.clock), USEC_PER_SEC + 5);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_system_clock_agrees),
                cmocka_unit_test(the_fake_goes_when_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
