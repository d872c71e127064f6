/* Which objects are kept on the disk. */
#include "fuse-gcs/cache_filter.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/base_test.h"

static void test_nothing_asked(void **state) {
        struct cache_filter *f;

        assert_int_equal(cache_filter_new("b", "", "", &f, NULL), 0);
        assert_null(f);
        assert_true(cache_filter_takes(f, "any"));
        cache_filter_free(f);
}

static void test_both(void **state) {
        struct cache_filter *f;

        assert_int_equal(cache_filter_new("b", "^b/(data|models)/", "\\.tmp$", &f, NULL), 0);
        assert_true(cache_filter_takes(f, "data/x"));
        assert_true(cache_filter_takes(f, "models/y/z.bin"));
        assert_false(cache_filter_takes(f, "other/x"));
        assert_false(cache_filter_takes(f, "data/x.tmp"));
        cache_filter_free(f);
        assert_int_equal(cache_filter_new("b", "", "^b/secret", &f, NULL), 0);
        assert_false(cache_filter_takes(f, "secret/x"));
        assert_true(cache_filter_takes(f, "public/secret"));
        cache_filter_free(f);
}

static void test_bad(void **state) {
        struct cache_filter *f = NULL;
        struct errmsg em = {};

        assert_int_equal(cache_filter_new("b", "(", "", &f, &em), -EINVAL);
        assert_null(f);
        assert_non_null(strstr(em.text, "--file-cache-include-regex=("));
        assert_int_equal(cache_filter_new("b", "x", "[", &f, &em), -EINVAL);
        assert_non_null(strstr(em.text, "--file-cache-exclude-regex=["));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing_asked),
                cmocka_unit_test(test_both),
                cmocka_unit_test(test_bad),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
