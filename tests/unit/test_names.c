/* names.c, mime.c */
#include "fuse-gcs/names.h"

#include "fuse-gcs/mime.h"
#include "lib/base/mem.h"
#include "tests/unit/base_test.h"

static void test_paths(void **state) {
        char *p = names_join("a/", "b", true);
        size_t len;

        assert_string_equal(p, "a/b/");
        assert_int_equal(names_parent_len(p), 2);
        assert_memory_equal(names_last(p, &len), "b", 1);
        assert_int_equal(len, 1);
        mem_free(p);
        assert_int_equal(names_parent_len("x"), 0);
        assert_int_equal(names_parent_len(""), 0);
        assert_int_equal(names_conflict_len("a\n"), 1);
        assert_int_equal(names_conflict_len("a"), 0);
        assert_int_equal(names_conflict_len("\n"), 0);
}

static void test_shown(void **state) {
        assert_true(names_is_shown("a", 1));
        assert_true(names_is_shown("...", 3));
        assert_false(names_is_shown("", 0));
        assert_false(names_is_shown(".", 1));
        assert_false(names_is_shown("..", 2));
        assert_false(names_is_shown("a/b", 3));
        assert_true(names_is_ours("", NAMES_TMP "x"));
        assert_true(names_is_ours("d/", "d/" NAMES_OPEN "x"));
        assert_true(names_is_ours("", NAMES_PARTS "x"));
        assert_false(names_is_ours("d/", NAMES_TMP "x"));
}

static void test_numbers(void **state) {
        assert_true(names_ino("a") != names_ino("b"));
        assert_true(names_ino("") > 1);
        assert_true(names_content("a", 1) != names_content("a", 2));
        assert_true(names_content("a", 1) != names_content("b", 1));
        assert_true(names_content("a", 1) == names_content("a", 1));
}

static void test_mime(void **state) {
        assert_string_equal(mime_of("a/b.txt"), "text/plain; charset=utf-8");
        assert_string_equal(mime_of("b.TAR"), "application/x-tar");
        assert_string_equal(mime_of("x.tar.gz"), "application/gzip");
        assert_null(mime_of("a.txt/b"));
        assert_null(mime_of("a"));
        assert_null(mime_of("a.unknown"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_paths),
                cmocka_unit_test(test_shown),
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_mime),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
