/* Protobuf's times and durations in JSON. */
#include "daemons/tracking/wire_time.h"

#include "tests/unit/tracking_test.h"

static void test_times(void **state) {
        char text[WIRE_TIME_SIZE];
        int64_t ms = 0;

        assert_string_equal(wire_time_print(1764000000250, text), "2025-11-24T16:00:00.250Z");
        assert_string_equal(wire_time_print(1764000000000, text), "2025-11-24T16:00:00Z");
        assert_int_equal(wire_time_parse("2025-11-24T16:00:00.250999Z", &ms), 0);
        assert_int_equal(ms, 1764000000250);
        assert_int_equal(wire_time_parse("yesterday", &ms), -EINVAL);
}

static void test_spans(void **state) {
        static const struct {
                const char *text;
                int64_t ms;
        } rows[] = {{"0.087s", 87}, {"3s", 3000}, {"0s", 0}, {"1.005s", 1005}, {"-0.250s", -250}};
        char text[WIRE_TIME_SIZE];
        int64_t ms;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_string_equal(wire_time_span_print(rows[i].ms, text), rows[i].text);
                assert_int_equal(wire_time_span_parse(rows[i].text, &ms), 0);
                assert_int_equal(ms, rows[i].ms);
        }
        assert_int_equal(wire_time_span_parse("5", &ms), -EINVAL);
        assert_int_equal(wire_time_span_parse("s", &ms), -EINVAL);
        assert_int_equal(wire_time_span_parse("1e300s", &ms), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_times),
                cmocka_unit_test(test_spans),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
