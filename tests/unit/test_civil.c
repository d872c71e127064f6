#include "tests/unit/base_test.h"

#include <time.h>

#include "lib/base/civil.h"

/* Every day of 1600 to 2400 against counting by hand. */
static void every_day(void **state) {
        int64_t days = civil_to_days(1600, 1, 1);

        (void) state;
        assert_int_equal(days, -135140);
        for (int year = 1600; year < 2400; year++)
                for (int month = 1; month <= 12; month++)
                        for (int day = 1; day <= civil_days_in_month(year, month); day++, days++) {
                                int y, m, d;

                                assert_int_equal(civil_to_days(year, month, day), days);
                                civil_from_days(days, &y, &m, &d);
                                assert_true(y == year && m == month && d == day);
                        }
        assert_int_equal(days, civil_to_days(2400, 1, 1));
}

static void agrees_with_gmtime(void **state) {
        (void) state;
        for (int64_t s = -5000000000; s < 10000000000; s += 12345677) {
                time_t t = (time_t) s;
                struct civil c;
                struct tm tm;

                civil_from_seconds(s, &c);
                assert_non_null(gmtime_r(&t, &tm));
                assert_true(c.year == tm.tm_year + 1900 && c.month == tm.tm_mon + 1 &&
                            c.day == tm.tm_mday && c.hour == tm.tm_hour && c.minute == tm.tm_min &&
                            c.second == tm.tm_sec && c.weekday == tm.tm_wday);
                assert_int_equal(civil_to_seconds(&c), s);
        }
}

static void validity(void **state) {
        struct civil good = {.year = 2024, .month = 2, .day = 29, .hour = 23, .minute = 59};
        struct civil bad = {.year = 2023, .month = 2, .day = 29};

        (void) state;
        assert_true(civil_is_valid(&good));
        assert_false(civil_is_valid(&bad));
        good.second = 60;
        assert_false(civil_is_valid(&good));
        good.second = 0;
        good.month = 13;
        assert_false(civil_is_valid(&good));
        assert_true(civil_is_leap(2000));
        assert_false(civil_is_leap(1900));
        assert_int_equal(civil_to_days(2024, 1, 32), civil_to_days(2024, 2, 1));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_day),
                cmocka_unit_test(agrees_with_gmtime),
                cmocka_unit_test(validity),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
