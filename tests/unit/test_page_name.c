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

static void versions(void **state) {
        static const char *const bad[] = {"a\n",   "a\nb",    "a\n0",
                                          "a\n-1", "a\n1\n2", "a\n9223372036854775808"};
        const char *name = NULL;
        int64_t generation = -1;
        struct arena a;

        (void) state;
        arena_init(&a, 0);
        assert_string_equal(page_name_join(&a, "d/a", 7), "d/a\n7");
        assert_int_equal(page_name_split(&a, "d/a\n7", &name, &generation), 0);
        assert_string_equal(name, "d/a");
        assert_int_equal(generation, 7);
        assert_int_equal(page_name_split(&a, "d/", &name, &generation), 0);
        assert_string_equal(name, "d/");
        assert_int_equal(generation, 0);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(page_name_split(&a, bad[i], &name, &generation), -EINVAL);
        assert_string_equal(name, "d/");
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trip),
                cmocka_unit_test(refusals),
                cmocka_unit_test(versions),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
