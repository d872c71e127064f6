/* Values as Go reads them. */
#include "tests/unit/base_test.h"

#include "daemons/sqlproxy/flags_value.h"

static usec_t span(const char *s) {
        struct errmsg em = {};
        usec_t for_usec = 0;

        if (flags_value_duration(s, &for_usec, &em) < 0)
                fail_msg("%s: %s", s, em.text);
        return for_usec;
}

static void test_durations(void **state) {
        assert_int_equal(span("0"), 0);
        assert_int_equal(span("300ms"), 300 * USEC_PER_MSEC);
        assert_int_equal(span("1.5h"), 90 * USEC_PER_MINUTE);
        assert_int_equal(span("1h2m3.5s"), 3723500 * USEC_PER_MSEC);
        assert_int_equal(span("+2s"), 2 * USEC_PER_SEC);
        assert_int_equal(span("-2s"), 0);
        assert_int_equal(span("10us"), 10);
        assert_int_equal(span(".5s"), 500 * USEC_PER_MSEC);
}

static void test_bad_durations(void **state) {
        static const char *const bad[][2] = {
                {"5", "missing unit"},       {"", "invalid"},    {"x", "invalid"},
                {"5x", "unknown unit"},      {"1s5", "missing"}, {".s", "invalid"},
                {"99999999999h", "invalid"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct errmsg em = {};
                usec_t v;

                assert_true(flags_value_duration(bad[i][0], &v, &em) < 0);
                assert_says(em, bad[i][1]);
        }
}

static void test_printed_durations(void **state) {
        char text[FLAGS_VALUE_DURATION_MAX];

        assert_string_equal(flags_value_print_duration(0, text), "0s");
        assert_string_equal(flags_value_print_duration(1500 * USEC_PER_MSEC, text), "1.5s");
        assert_string_equal(flags_value_print_duration(90 * USEC_PER_SEC, text), "1m30s");
        assert_string_equal(flags_value_print_duration(USEC_PER_HOUR, text), "1h0m0s");
        assert_string_equal(flags_value_print_duration(300 * USEC_PER_MSEC, text), "300ms");
}

static void test_numbers_and_booleans(void **state) {
        struct errmsg em = {};
        uint64_t u = 7;
        int64_t i = 7;
        bool b = false;

        assert_int_equal(flags_value_int("0x10", &i, &em), 0);
        assert_int_equal(i, 16);
        assert_int_equal(flags_value_int("-3", &i, &em), 0);
        assert_int_equal(i, -3);
        assert_int_equal(flags_value_int("3x", &i, &em), -EINVAL);
        assert_int_equal(flags_value_int("", &i, &em), -EINVAL);
        assert_int_equal(flags_value_int("99999999999999999999", &i, &em), -ERANGE);
        assert_says(em, "value out of range");
        assert_int_equal(flags_value_uint("-1", &u, &em), -EINVAL);
        assert_int_equal(flags_value_uint("12", &u, &em), 0);
        assert_int_equal(u, 12);
        assert_int_equal(flags_value_bool("T", &b, &em), 0);
        assert_true(b);
        assert_int_equal(flags_value_bool("0", &b, &em), 0);
        assert_false(b);
        assert_int_equal(flags_value_bool("yes", &b, &em), -EINVAL);
        assert_says(em, "strconv.ParseBool: parsing \"yes\"");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_durations),
                cmocka_unit_test(test_bad_durations),
                cmocka_unit_test(test_printed_durations),
                cmocka_unit_test(test_numbers_and_booleans),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
