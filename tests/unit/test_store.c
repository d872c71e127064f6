/* What names a store takes. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>

#include "lib/store/store.h"

static void test_names(void **state) {
        static const char *const good[] = {"a",       "a/b",     "a.b/c d/ü/日本",
                                           "..a/b..", ".hidden", "a:b*?"};
        static const char *const bad[] = {"",     "/a",   "a/",   "a//b",       ".",
                                          "..",   "a/..", "../a", "a/./b",      "a\nb",
                                          "a\\b", "\x7f", "\xff", "a/\xc0\xaf", "a/../b"};
        char long_name[STORE_NAME_MAX + 2];
        struct errmsg em = {};

        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                assert_ok(em, store_name_check(good[i], &em));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                assert_int_equal(store_name_check(bad[i], &em), -EINVAL);
                assert_non_null(strstr(em.text, "Invalid path"));
        }
        memset(long_name, 'a', sizeof(long_name));
        for (size_t i = 100; i < sizeof(long_name); i += 100)
                long_name[i] = '/';
        long_name[STORE_NAME_MAX + 1] = '\0';
        assert_int_equal(store_name_check(long_name, &em), -EINVAL);
        long_name[STORE_NAME_MAX] = '\0';
        assert_ok(em, store_name_check(long_name, &em));
        memset(long_name, 'a', 256);
        long_name[256] = '\0';
        assert_int_equal(store_name_check(long_name, &em), -EINVAL);
        long_name[255] = '\0';
        assert_ok(em, store_name_check(long_name, &em));
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
