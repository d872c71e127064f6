#include "tests/unit/base_test.h"

#include "lib/base/timestamp.h"

#define AT (UINT64_C(1767323045) * USEC_PER_SEC + 678901) /* 2026-01-02T03:04:05.678901Z */

static void forms_in(void **state) {
        static const struct {
                const char *text;
                usec_t at;
        } good[] = {
                {"2026-01-02T03:04:05.678901Z", AT},
                {"2026-01-02T03:04:05.678901", AT},
                {"2026-01-02 03:04:05.678901+00:00", AT},
                {"2026-01-02t04:04:05.678901+01", AT},
                {"2026-01-02T08:34:05.678901+0530", AT},
                {"2026-01-01T22:04:05,678901999-05:00", AT},
                {"2026-01-02T03:04:05Z", AT - 678901},
                {"2026-01-02T03:04Z", AT - 5678901},
                {"2026-01-02", AT / USEC_PER_DAY * USEC_PER_DAY},
                {"1970-01-01", 0},
                {"1969-12-31T23:00:00-01:00", 0},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                usec_t at = 1;

                assert_int_equal(timestamp_parse(good[i].text, &at), 0);
                assert_int_equal(at, good[i].at);
        }
}

static void refusals(void **state) {
        static const char *const bad[] = {
                "",
                "2026",
                "2026-1-2",
                "2026-02-29",
                "2026-13-01",
                "2026-01-02T",
                "2026-01-02T24:00",
                "2026-01-02T03:04:60",
                "2026-01-02T03:04:05.",
                "2026-01-02T03:04:05X",
                "2026-01-02T03:04:05+1",
                "2026-01-02T03:04:05+25:00",
                "2026-01-02 ",
                "2026-01-02Z",
                "x2026-01-02",
                "2026-01-02T03:04:05ZZ",
        };
        usec_t at = 7;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(timestamp_parse(bad[i], &at), -EINVAL);
        assert_int_equal(timestamp_parse("1969-12-31", &at), -ERANGE);
        assert_int_equal(timestamp_parse("9999-12-31T23:59:59-01:00", &at), -ERANGE);
        assert_int_equal(at, 7);
}

static void zones_are_noticed(void **state) {
        bool zoned;
        usec_t at;

        (void) state;
        assert_int_equal(timestamp_parse_zoned("2026-01-02T03:04", &at, &zoned), 0);
        assert_false(zoned);
        assert_int_equal(timestamp_parse_zoned("2026-01-02", &at, &zoned), 0);
        assert_false(zoned);
        assert_int_equal(timestamp_parse_zoned("2026-01-02T03:04Z", &at, &zoned), 0);
        assert_true(zoned);
}

static void forms_out(void **state) {
        char s[TIMESTAMP_SIZE];

        (void) state;
        assert_string_equal(timestamp_print(AT, 0, s), "2026-01-02T03:04:05.678901Z");
        assert_string_equal(timestamp_print(AT, TIMESTAMP_MSEC, s), "2026-01-02T03:04:05.678Z");
        assert_string_equal(timestamp_print(AT, TIMESTAMP_SECONDS | TIMESTAMP_OFFSET, s),
                            "2026-01-02T03:04:05+00:00");
        assert_string_equal(timestamp_print(AT - 678901, TIMESTAMP_AUTO | TIMESTAMP_SPACE, s),
                            "2026-01-02 03:04:05Z");
        assert_string_equal(timestamp_print(AT, TIMESTAMP_AUTO, s), "2026-01-02T03:04:05.678901Z");
        assert_string_equal(timestamp_print(0, 0, s), "1970-01-01T00:00:00.000000Z");
        assert_string_equal(timestamp_print(USEC_INFINITY, TIMESTAMP_SECONDS, s),
                            "9999-12-31T23:59:59Z");
        assert_string_equal(timestamp_print_offset(AT, 19800, TIMESTAMP_SECONDS, s),
                            "2026-01-02T08:34:05+05:30");
        assert_string_equal(timestamp_print_offset(AT, -5 * 3600, TIMESTAMP_SECONDS, s),
                            "2026-01-01T22:04:05-05:00");
}

static void spans_out(void **state) {
        static const struct {
                usec_t usec;
                const char *text;
        } rows[] = {
                {0, "0s"},
                {7, "7us"},
                {850 * USEC_PER_MSEC, "850ms"},
                {12 * USEC_PER_SEC + 300 * USEC_PER_MSEC, "12.3s"},
                {12 * USEC_PER_SEC, "12s"},
                {90 * USEC_PER_MINUTE, "1h 30min"},
                {2 * USEC_PER_DAY, "2d"},
                {USEC_PER_DAY + USEC_PER_HOUR, "1d 1h"},
                {61 * USEC_PER_SEC, "1min 1s"},
                {USEC_INFINITY, "infinity"},
        };
        char s[TIMESTAMP_SIZE];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_string_equal(timestamp_span_print(rows[i].usec, s), rows[i].text);
        assert_string_equal(timestamp_relative_print(AT, AT + 5 * USEC_PER_MINUTE, s), "5min ago");
        assert_string_equal(timestamp_relative_print(AT + 2 * USEC_PER_HOUR, AT, s), "in 2h");
        assert_string_equal(timestamp_relative_print(AT, AT, s), "now");
}

static void as_http_says_it(void **state) {
        static const char *wrong[] = {
                "",
                "Fri",
                "Fri, 02 Jan 2026",
                "Fri, 02 Jux 2026 03:04:05 GMT",
                "Fri, 02 anF 2026 03:04:05 GMT",
                "Fri, 32 Jan 2026 03:04:05 GMT",
                "Fri, 02 Jan 99999999999 03:04:05 GMT",
                "Fri, 02 Jan 1969 03:04:05 GMT",
                "2026-01-02T03:04:05Z",
        };
        char s[TIMESTAMP_SIZE];
        usec_t at;

        (void) state;
        assert_string_equal(timestamp_print_http(AT, s), "Fri, 02 Jan 2026 03:04:05 GMT");
        assert_int_equal(timestamp_parse_http(s, &at), 0);
        assert_int_equal(at, AT / USEC_PER_SEC * USEC_PER_SEC);
        assert_string_equal(timestamp_print_http(0, s), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_string_equal(timestamp_print_http(USEC_INFINITY, s),
                            "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_int_equal(timestamp_parse_http(s, &at), 0);
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_int_equal(timestamp_parse_http(wrong[i], &at), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(forms_in),          cmocka_unit_test(refusals),
                cmocka_unit_test(zones_are_noticed), cmocka_unit_test(forms_out),
                cmocka_unit_test(spans_out),         cmocka_unit_test(as_http_says_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
