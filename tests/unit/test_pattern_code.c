/* A pattern is walked in linear time, over whatever bytes. */
#include "tests/unit/base_test.h"

#include "lib/base/mem.h"
#include "lib/base/pattern.h"
#include "lib/base/pattern_code.h"

static bool found(const char *pattern, const char *text, size_t n) {
        struct pattern *p = NULL;
        bool yes;

        assert_int_equal(pattern_compile(pattern, &p), 0);
        yes = pattern_code_search(p, text, n);
        assert_int_equal(pattern_code_search(p, text, n), yes); /* once more is the same */
        pattern_free(p);
        return yes;
}

static void test_bytes(void **state) {
        (void) state;
        assert_true(found("a.b", "a\0b", 3));
        assert_true(found("^.$", "\xff", 1));
        assert_true(found("^..$", "\xc3\xc3", 2));
        assert_false(found("ä", "\xc3", 1));
        assert_false(found("b", "ab", 1));
        assert_true(found("$", "a", 1));
        assert_false(found("a$", "a\n\n", 3));
}

/* What takes a backtracker longer than the world will last. */
static void test_linear(void **state) {
        enum { N = 20000 };
        char *text = mem_alloc(N + 1);

        (void) state;
        assert_non_null(text);
        memset(text, 'a', N);
        text[N] = 0;
        assert_false(found("(a+)+b", text, N));
        assert_false(found("(a|a)*b", text, N));
        assert_false(found("(a*)*(a*)*(a*)*b", text, N));
        assert_false(found("^(a?){50}a{50}b", text, N));
        assert_true(found("^(a?){50}a{50}", text, N));
        mem_free(text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_linear),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
