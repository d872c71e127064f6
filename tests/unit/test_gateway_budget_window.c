/* The windows of time that budgets are for. */
#include "daemons/tracking/gateway_budget_window.h"

#include "lib/base/civil.h"
#include "tests/unit/tracking_test.h"

#define SECOND INT64_C(1000)
#define DAY (86400 * SECOND)

static int64_t at(int year, int month, int day) {
        return civil_to_days(year, month, day) * DAY;
}

static void assert_window(const char *unit, int64_t n, int64_t now, int64_t start, int64_t end) {
        int64_t s = -1, e = -1;

        assert_int_equal(gateway_budget_window(unit, n, now, &s, &e), 0);
        assert_int_equal(s, start);
        assert_int_equal(e, end);
        assert_true(s <= now && now < e);
}

static void test_windows(void **state) {
        int64_t day = at(2026, 11, 30); /* a Monday */

        assert_window("MINUTES", 1, day + 90 * SECOND, day + 60 * SECOND, day + 120 * SECOND);
        assert_window("HOURS", 2, day + 3 * 3600 * SECOND, day + 2 * 3600 * SECOND,
                      day + 4 * 3600 * SECOND);
        assert_window("DAYS", 1, day, day, day + DAY);
        assert_window("DAYS", 30, 0, 0, 30 * DAY);
        assert_window("DAYS", 30, 30 * DAY - 1, 0, 30 * DAY);
        assert_window("DAYS", 30, 30 * DAY, 30 * DAY, 60 * DAY);
        assert_window("WEEKS", 1, day, day - DAY, day + 6 * DAY);
        assert_window("WEEKS", 1, 0, -4 * DAY, 3 * DAY);
        assert_window("MONTHS", 1, day, at(2026, 11, 1), at(2026, 12, 1));
        assert_window("MONTHS", 3, day, at(2026, 10, 1), at(2027, 1, 1));
        assert_window("MONTHS", 12, at(2026, 12, 31) + DAY - 1, at(2026, 1, 1), at(2027, 1, 1));
        assert_window("MONTHS", 1, at(2024, 2, 29), at(2024, 2, 1), at(2024, 3, 1));
}

static void test_long(void **state) {
        static const char *const units[] = {"MINUTES", "HOURS", "DAYS", "WEEKS", "MONTHS"};
        int64_t now = at(2026, 11, 30), start, end;

        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                assert_int_equal(gateway_budget_window(units[i], INT32_MAX, now, &start, &end), 0);
                assert_true(start <= 0);
                assert_true(end > now);
        }
}

static void test_none(void **state) {
        int64_t start, end;

        assert_int_equal(gateway_budget_window("DAYS", 0, 0, &start, &end), -EINVAL);
        assert_int_equal(gateway_budget_window("DAYS", INT64_MAX, 0, &start, &end), -EINVAL);
        assert_int_equal(gateway_budget_window("YEARS", 1, 0, &start, &end), -EINVAL);
        assert_int_equal(gateway_budget_window("", 1, 0, &start, &end), -EINVAL);
        assert_int_equal(gateway_budget_window("DAYS", 1, -1, &start, &end), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_windows),
                cmocka_unit_test(test_long),
                cmocka_unit_test(test_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
