/* Connections that slept are not used again; those made after it are. */
#include "lib/net/http_idle.h"

#include "tests/unit/base_test.h"

#define HOUR (3600 * USEC_PER_SEC)
#define S USEC_PER_SEC

static void test_awake(void **state) {
        struct http_idle i = {};

        assert_int_equal(http_idle_max(&i, 5 * HOUR, HOUR), HTTP_IDLE_MAX_S);
        assert_int_equal(http_idle_max(&i, 6 * HOUR, 2 * HOUR), HTTP_IDLE_MAX_S);
        /* The two are not read at one moment. */
        assert_int_equal(http_idle_max(&i, 6 * HOUR + S, 2 * HOUR), HTTP_IDLE_MAX_S);
}

static void test_slept(void **state) {
        struct http_idle i = {};
        usec_t at = HOUR;

        http_idle_max(&i, at, at);
        assert_int_equal(http_idle_max(&i, at + 2 * HOUR, at), -1);
        assert_int_equal(http_idle_max(&i, at + 2 * HOUR + S / 2, at + S / 2), -1);
        /* Last used just before: idle for a second now, which is more than 0. */
        assert_int_equal(http_idle_max(&i, at + 2 * HOUR + S, at + S), 0);
        assert_int_equal(http_idle_max(&i, at + 2 * HOUR + 9 * S, at + 9 * S), 8);
        assert_int_equal(http_idle_max(&i, at + 3 * HOUR, at + HOUR), HTTP_IDLE_MAX_S);
        /* And again. */
        assert_int_equal(http_idle_max(&i, at + 9 * HOUR, at + HOUR), -1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_awake),
                cmocka_unit_test(test_slept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
