#include "tests/unit/base_test.h"

#include "lib/base/buf.h"
#include "lib/base/mem.h"

static void pieces_add_up(void **state) {
        _cleanup_buf_ struct buf b = {};

        (void) state;
        assert_string_equal(buf_cstr(&b), "");
        buf_add_str(&b, "ab");
        buf_add_char(&b, 'c');
        buf_add_lit(&b, "de");
        buf_printf(&b, "%d%s", 12, "x");
        buf_add_fill(&b, '.', 3);
        assert_string_equal(buf_cstr(&b), "abcde12x...");
        buf_consume(&b, 5);
        assert_string_equal(buf_cstr(&b), "12x...");
        buf_truncate(&b, 2);
        assert_string_equal(buf_cstr(&b), "12");
        assert_int_equal(buf_error(&b), 0);
}

static void grows_over_every_size(void **state) {
        _cleanup_buf_ struct buf b = {};

        (void) state;
        for (size_t i = 0; i < 5000; i++) {
                assert_int_equal(buf_add_char(&b, (char) ('a' + i % 26)), 0);
                assert_int_equal(b.data[b.len], 0);
        }
        for (size_t i = 0; i < 5000; i++)
                assert_int_equal(b.data[i], 'a' + i % 26);
}

static void the_limit_sticks(void **state) {
        _cleanup_buf_ struct buf b;

        (void) state;
        buf_init(&b, 4);
        assert_int_equal(buf_add_str(&b, "1234"), 0);
        assert_int_equal(buf_add_char(&b, '5'), -E2BIG);
        assert_int_equal(buf_add(&b, "", 0), -E2BIG);
        assert_int_equal(buf_printf(&b, "x"), -E2BIG);
        assert_null(buf_take(&b, NULL));
        assert_string_equal(buf_cstr(&b), "1234");
        buf_reset(&b);
        assert_int_equal(buf_error(&b), 0);
        assert_int_equal(buf_add_str(&b, "abcd"), 0);
}

static void no_memory_sticks(void **state) {
        _cleanup_buf_ struct buf b = {};

        (void) state;
        fault_arm(FAULT_ALLOC, 2, 0, 1);
        assert_int_equal(buf_add_str(&b, "first"), 0);
        assert_int_equal(buf_add_fill(&b, 'x', 1000), -ENOMEM);
        assert_int_equal(buf_add_str(&b, "y"), -ENOMEM);
        assert_int_equal(buf_error(&b), -ENOMEM);
        assert_string_equal(buf_cstr(&b), "first");
}

static void markup_is_text(void **state) {
        _cleanup_buf_ struct buf b = {};

        (void) state;
        assert_int_equal(buf_add_markup(&b, "<a href='x'>\"R&D\"</a> \xc3\xa9"), 0);
        assert_string_equal(buf_cstr(&b),
                            "&lt;a href=&#39;x&#39;&gt;&quot;R&amp;D&quot;&lt;/a&gt; \xc3\xa9");
        b.limit = b.len;
        assert_int_equal(buf_add_markup(&b, "&"), -E2BIG);
}

static void take_hands_over(void **state) {
        struct buf b = {};
        _cleanup_free_ char *s = NULL, *empty = NULL;
        size_t len = 99;

        (void) state;
        buf_add_str(&b, "mine");
        s = buf_take(&b, &len);
        assert_string_equal(s, "mine");
        assert_int_equal(len, 4);
        assert_null(b.data);
        empty = buf_take(&b, &len);
        assert_string_equal(empty, "");
        assert_int_equal(len, 0);
}

static void trim_gives_memory_back(void **state) {
        _cleanup_buf_ struct buf b = {};

        (void) state;
        buf_add_fill(&b, 'x', 10000);
        buf_trim(&b, 100000);
        assert_true(b.cap > 10000);
        assert_int_equal(b.len, 0);
        buf_trim(&b, 100);
        assert_int_equal(b.cap, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pieces_add_up),
                cmocka_unit_test(grows_over_every_size),
                cmocka_unit_test(the_limit_sticks),
                cmocka_unit_test_teardown(no_memory_sticks, base_test_no_faults),
                cmocka_unit_test(markup_is_text),
                cmocka_unit_test(take_hands_over),
                cmocka_unit_test(trim_gives_memory_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
