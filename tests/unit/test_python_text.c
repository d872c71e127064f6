#include "daemons/tracking/python_text.h"
#include "tests/unit/tracking_test.h"

static void test_strip(void **state) {
        struct tracking_test *t = *state;

        assert_string_equal(python_text_strip(&t->arena, ""), "");
        assert_string_equal(python_text_strip(&t->arena, " \t\n"), "");
        assert_string_equal(python_text_strip(&t->arena, " a b "), "a b");
        assert_string_equal(python_text_strip(&t->arena, "\u00a0\u2003\u00e4\u3000"), "\u00e4");
        assert_string_equal(python_text_strip(&t->arena, "\u200bx"), "\u200bx"); /* no space */
}

static void test_lower(void **state) {
        struct tracking_test *t = *state;

        assert_string_equal(python_text_lower(&t->arena, ""), "");
        assert_string_equal(python_text_lower(&t->arena, "ABC xyz 1"), "abc xyz 1");
        assert_string_equal(python_text_lower(&t->arena, "ÄÖÜ ẞ ΔЖ"), "äöü ß δж");
        assert_string_equal(python_text_lower(&t->arena, "İ"), "i\u0307");
        assert_string_equal(python_text_lower(&t->arena, "A\xff"), "a\xff");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_strip, tracking_test_setup,
                                                tracking_test_teardown),
                cmocka_unit_test_setup_teardown(test_lower, tracking_test_setup,
                                                tracking_test_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
