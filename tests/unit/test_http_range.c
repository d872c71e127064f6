/* Ranges and entity tags. */
#include "tests/unit/net_test_cmocka.h"

#include "lib/net/http_range.h"

static void check(const char *header, uint64_t size, enum http_range_result expected,
                  uint64_t first, uint64_t last) {
        uint64_t a = 0, b = 0;

        assert_int_equal(http_range_parse(header, size, &a, &b), expected);
        if (expected == HTTP_RANGE_PART) {
                assert_int_equal(a, first);
                assert_int_equal(b, last);
        }
}

static void test_ranges(void **state) {
        check("bytes=0-0", 10, HTTP_RANGE_PART, 0, 0);
        check("bytes=2-5", 10, HTTP_RANGE_PART, 2, 5);
        check("BYTES=2-", 10, HTTP_RANGE_PART, 2, 9);
        check("bytes=2-100", 10, HTTP_RANGE_PART, 2, 9);
        check("bytes=-3", 10, HTTP_RANGE_PART, 7, 9);
        check("bytes=-30", 10, HTTP_RANGE_PART, 0, 9);
        check("bytes=0-18446744073709551616", 10, HTTP_RANGE_PART, 0, 9);
        check("bytes=10-", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0);
        check("bytes=-0", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0);
        check("bytes=0-", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0);
        check("bytes=-1", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0);
        check("bytes=99999999999999999999-", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0);
}

static void test_not_ranges(void **state) {
        static const char *const texts[] = {"",           "bytes",       "bytes=",      "bytes=-",
                                            "bytes=5-2",  "bytes=a-b",   "bytes=1-2,4", "items=1-2",
                                            "bytes=1-2 ", "bytes= 1-2",  "bytes=1",     "bytes=--1",
                                            "bytes=1-2x", "bytes=1-2-3", "bytes=+1-2"};

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                check(texts[i], 10, HTTP_RANGE_WHOLE, 0, 0);
        check(NULL, 10, HTTP_RANGE_WHOLE, 0, 0);
}

static void test_etags(void **state) {
        assert_true(http_range_etag_matches("\"abc\"", "abc"));
        assert_true(http_range_etag_matches("W/\"abc\"", "abc"));
        assert_true(http_range_etag_matches("\"x\", \"abc\"", "abc"));
        assert_true(http_range_etag_matches("*", "abc"));
        assert_false(http_range_etag_matches("abc", "abc"));
        assert_false(http_range_etag_matches("\"abcd\"", "abc"));
        assert_false(http_range_etag_matches("", "abc"));
        assert_false(http_range_etag_matches("\"", ""));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ranges),
                cmocka_unit_test(test_not_ranges),
                cmocka_unit_test(test_etags),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
