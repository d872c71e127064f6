#include "tests/unit/base_test.h"

#include "lib/auth/auth_digest.h"

static void digest(const char *a, const char *b, size_t n, char ret[AUTH_DIGEST_SIZE]) {
        const char *const parts[] = {a, b};

        assert_int_equal(auth_digest_parts(parts, n, ret), 0);
}

static void known(void **state) {
        char got[AUTH_DIGEST_SIZE];

        /* printf 3:abc | sha256sum */
        digest("abc", NULL, 1, got);
        assert_string_equal(got,
                            "aab5f9ae99b2e38fb462025c8f72f570c9c811705d2a4277dc855d7fa293fe97");
}

static void no_two_lists_are_alike(void **state) {
        char a[AUTH_DIGEST_SIZE], b[AUTH_DIGEST_SIZE];

        digest("ab", "c", 2, a);
        digest("a", "bc", 2, b);
        assert_string_not_equal(a, b);
        digest("abc", "", 2, b);
        assert_string_not_equal(a, b);
        digest("abc", NULL, 2, a);
        assert_string_not_equal(a, b);
        digest("abc", NULL, 2, b);
        assert_string_equal(a, b);
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(known),
                                           cmocka_unit_test(no_two_lists_are_alike)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
