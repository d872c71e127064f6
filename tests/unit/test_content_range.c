#include "tests/unit/base_test.h"

#include "daemons/bucketd/content_range.h"

static void ranges(void **state) {
        struct content_range c;

        (void) state;
        assert_int_equal(content_range_parse("bytes 0-99/200", &c), 0);
        assert_true(c.has_bytes && c.has_total);
        assert_int_equal(c.first, 0);
        assert_int_equal(c.last, 99);
        assert_int_equal(c.total, 200);
        assert_int_equal(content_range_parse("bytes 262144-524287/*", &c), 0);
        assert_true(c.has_bytes && !c.has_total);
        assert_int_equal(c.first, 262144);
        assert_int_equal(content_range_parse("bytes */200", &c), 0);
        assert_true(!c.has_bytes && c.has_total);
        assert_int_equal(c.total, 200);
        assert_int_equal(content_range_parse("bytes */0", &c), 0);
        assert_true(c.has_total);
        assert_int_equal(content_range_parse("bytes */*", &c), 0);
        assert_true(!c.has_bytes && !c.has_total);
        assert_int_equal(content_range_parse("bytes 0-0/1", &c), 0);
        assert_int_equal(c.last, 0);
}

static void refusals(void **state) {
        static const char *const texts[] = {
                "",
                "bytes",
                "bytes ",
                "bytes 0-99",
                "bytes 0-99/",
                "bytes 0-99/99", /* the last is beyond the total */
                "bytes 9-0/100", /* backwards */
                "bytes -5/100",  /* no suffixes here */
                "bytes 0-/100",
                "bytes 0-1/2x",
                "bytes 0-1/2 ",
                "items 0-1/2",
                "bytes 0-18446744073709551616/*",
                "bytes */18446744073709551616",
                "bytes **/1",
        };
        struct content_range c = {.first = 5};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (content_range_parse(texts[i], &c) != -EINVAL || c.first != 5)
                        fail_msg("\"%s\" is taken", texts[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ranges),
                cmocka_unit_test(refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
