/* Stepping, and what croniter has no word for; the dates themselves are in test_timetable.c. */
#include "tests/unit/core_fixture.h"

#include "daemons/scheduler/core/cron.h"
#include "lib/base/civil.h"

static struct cron parse(const char *text) {
        struct errmsg em = {};
        struct cron c;

        if (cron_parse(text, &c, &em) < 0)
                fail_msg("%s: %s", text, em.text);
        return c;
}

static int64_t at(int year, int month, int day, int hour, int minute) {
        return civil_to_seconds(&(struct civil){
                .year = year, .month = month, .day = day, .hour = hour, .minute = minute});
}

static void expect_next(const char *text, int64_t from, int64_t expected) {
        struct cron c = parse(text);
        int64_t found = 0;

        assert_int_equal(cron_next(&c, from, &found), 0);
        if (found != expected)
                fail_msg("%s: %lld, not %lld", text, (long long) found, (long long) expected);
}

static void test_last_and_nearest(void **state) {
        expect_next("0 0 L * *", at(2028, 2, 1, 0, 0), at(2028, 2, 29, 0, 0));
        expect_next("0 0 LW * *", at(2026, 5, 1, 0, 0), at(2026, 5, 29, 0, 0)); /* 31st: Sunday */
        expect_next("0 0 1W * *", at(2026, 7, 31, 0, 0), at(2026, 8, 3, 0, 0)); /* 1st: Saturday */
        expect_next("0 0 * * 5#5", at(2026, 1, 1, 0, 0), at(2026, 1, 30, 0, 0));
        expect_next("0 0 * * 5L", at(2026, 2, 1, 0, 0), at(2026, 2, 27, 0, 0));
        expect_next("0 0 29 2 *", at(2026, 1, 1, 0, 0), at(2028, 2, 29, 0, 0));
        expect_next("0 0 29 2 *", at(2096, 3, 1, 0, 0), at(2104, 2, 29, 0, 0)); /* 2100 has none */
}

static void test_either_day_field_matches(void **state) {
        expect_next("0 0 13 * 5", at(2026, 1, 3, 0, 0), at(2026, 1, 9, 0, 0));
        expect_next("0 0 13 * 5", at(2026, 1, 9, 0, 0), at(2026, 1, 13, 0, 0));
}

/* As croniter: what it computes for these was looked up there. */
static void test_special_day_fields_decide(void **state) {
        expect_next("0 0 * * 7/2", at(2026, 10, 4, 0, 0), at(2026, 10, 6, 0, 0));
        expect_next("0 0 * * 7-0", at(2026, 10, 4, 0, 0), at(2026, 10, 5, 0, 0));
        expect_next("0 0 12-15/9,* 3 2", at(2028, 2, 28, 0, 0), at(2028, 3, 7, 0, 0));
        expect_next("0 0 L * *,6", at(2027, 1, 1, 0, 0), at(2027, 1, 31, 0, 0));
        expect_next("0 14 7,13,27 6 L5", at(2025, 10, 23, 0, 0), at(2026, 6, 26, 14, 0));
        expect_next("0 0 */9 nov 5#2", at(2027, 6, 20, 0, 0), at(2027, 11, 12, 0, 0));
        expect_next("33 14 31W */2 mon", at(2027, 10, 21, 17, 0), at(2027, 11, 30, 14, 33));
        expect_next("0 0 */12 * */1", at(2028, 5, 23, 0, 0), at(2028, 5, 25, 0, 0));
        expect_next("0 0 12 * */1", at(2028, 5, 23, 0, 0), at(2028, 5, 24, 0, 0));
        expect_next("0 0 */1 * */2", at(2026, 6, 7, 0, 0), at(2026, 6, 9, 0, 0));
        expect_next("0 0 31W feb mon#5", at(2026, 10, 3, 15, 31), at(2044, 2, 29, 0, 0));
}

/* A slow, plain reading of the fields: minute by minute. */
static void test_against_stepping(void **state) {
        static const char *const texts[] = {"*/7 3-5 * * *", "0 0 L * 1",     "5 4 15W * *",
                                            "30 12 * 2 3#2", "0 0 1 */3 sat", "*/13 */11 * * *"};

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct cron c = parse(texts[i]);
                int64_t t = at(2026, 1, 1, 0, 0), next, back;

                for (unsigned n = 0; n < 200; n++) {
                        assert_int_equal(cron_next(&c, t, &next), 0);
                        assert_true(next > t);
                        assert_int_equal(cron_prev(&c, next + 1, &back), 0);
                        assert_true(back == next);
                        assert_int_equal(cron_next(&c, next - 1, &back), 0);
                        assert_true(back == next);
                        t = next;
                }
        }
}

static void test_before_1970_ends(void **state) {
        struct cron c = parse("0 0 1 1 *");
        int64_t t;

        assert_int_equal(cron_prev(&c, 0, &t), 0);
        assert_true(t == -365 * 86400);
        assert_int_equal(cron_next(&c, -2, &t), 0);
        assert_true(t == 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_last_and_nearest),
                cmocka_unit_test(test_either_day_field_matches),
                cmocka_unit_test(test_special_day_fields_decide),
                cmocka_unit_test(test_against_stepping),
                cmocka_unit_test(test_before_1970_ends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
