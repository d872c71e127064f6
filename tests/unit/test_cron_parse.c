/* From text to bit sets; every mistake names its field. */
#include "tests/unit/core_fixture.h"

#include <errno.h>

#include "daemons/scheduler/core/cron.h"

static struct cron parse(const char *text) {
        struct errmsg em = {};
        struct cron c;

        if (cron_parse(text, &c, &em) < 0)
                fail_msg("%s: %s", text, em.text);
        return c;
}

static void expect_error(const char *text, const char *part) {
        struct errmsg em = {};
        struct cron c;

        assert_int_equal(cron_parse(text, &c, &em), -EINVAL);
        if (!strstr(em.text, part))
                fail_msg("%s: \"%s\" does not say \"%s\"", text, em.text, part);
}

static void test_errors_name_the_field(void **state) {
        expect_error("", "has 0 fields");
        expect_error("* * * *", "has 4 fields");
        expect_error("* * * * * * *", "or more");
        expect_error("60 * * * *", "minute \"60\": 60 is not between 0 and 59");
        expect_error("* 24 * * *", "hour");
        expect_error("* * 0 * *", "day of month");
        expect_error("* * * 13 *", "month");
        expect_error("* * * * 8", "day of week");
        expect_error("* * * foo *", "neither a number nor a name");
        expect_error("*/0 * * * *", "step");
        expect_error("*/x * * * *", "step");
        expect_error("1,,2 * * * *", "empty item");
        expect_error("-1 * * * *", "is not a number");
        expect_error("1-+3 * * * *", "is not a number");
        expect_error("* * * * 1#6", "1 to 5");
        expect_error("* * * * 1#0", "1 to 5");
        expect_error("* * 32W * *", "day of month");
        expect_error("0 0 30 2 *", "no day that ever comes");
        expect_error("@dayly", "did you mean \"@daily\"");
        expect_error("0 0 1 * ? ?", "second");
}

static void test_too_long_is_refused(void **state) {
        char text[2000];

        memset(text, '1', sizeof(text) - 1);
        text[sizeof(text) - 1] = 0;
        expect_error(text, "longer");
        memcpy(text + 60, " * * * *", sizeof(" * * * *"));
        expect_error(text, "too long");
}

static void test_forms(void **state) {
        struct cron c = parse("@hourly");

        assert_true(c.every_hour && c.any_day && c.any_weekday && !c.has_seconds);
        assert_true(parse("0 0-23 * * *").every_hour && parse("0 *,* * * *").every_hour);
        assert_false(parse("0 *,23 * * *").every_hour);
        assert_true(c.minutes == 1 && c.seconds == 1);
        c = parse("  5\t4 * * SUN ");
        assert_true(c.minutes == 1 << 5 && c.hours == 1 << 4 && c.weekdays == 1);
        c = parse("0 0 * * 7");
        assert_true(c.weekdays == 1);
        c = parse("0 0 * jan-jan 3-3"); /* the whole cycle, as croniter reads it */
        assert_true(c.months == 0x1ffe && c.weekdays == 0x7f);
        c = parse("0 22-2 * * *");
        assert_true(c.hours == (1u << 22 | 1u << 23 | 1 | 1 << 1 | 1 << 2));
        c = parse("0 0 ? * 5#2,5#4");
        assert_true(c.any_day && c.nth[5] == (1 << 2 | 1 << 4) && c.weekdays == 0);
        c = parse("0 0 * * friL");
        assert_true(c.nth[5] == 1);
        c = parse("0 0 lw * *");
        assert_true(c.last_weekday);
        c = parse("* * * * * 30");
        assert_true(c.has_seconds && c.seconds == UINT64_C(1) << 30);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_errors_name_the_field),
                cmocka_unit_test(test_too_long_is_refused),
                cmocka_unit_test(test_forms),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
