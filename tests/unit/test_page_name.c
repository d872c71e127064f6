#include "tests/unit/base_test.h"

#include "daemons/bucketd/page_name.h"

static void round_trip(void **state) {
        static const char *const names[] = {"a", "dir/", "h\xc3\xa9/\xf0\x9f\x98\x80", ""};
        const char *back;
        struct arena a;

        (void) state;
        arena_init(&a, 0);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                assert_int_equal(page_name_parse(&a, page_name_print(&a, names[i]), &back), 0);
                assert_string_equal(back, names[i]);
        }
        arena_done(&a);
}

static void refusals(void **state) {
        static const char *const tokens[] = {"a", "!!!!", "_w==" /* 0xff */, "YQBi" /* a NUL */};
        const char *back = NULL;
        struct arena a;

        (void) state;
        arena_init(&a, 0);
        for (size_t i = 0; i < ARRAY_SIZE(tokens); i++)
                assert_int_equal(page_name_parse(&a, tokens[i], &back), -EINVAL);
        assert_null(back);
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trip),
                cmocka_unit_test(refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
