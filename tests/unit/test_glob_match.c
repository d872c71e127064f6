/* matchGlob's patterns, with the examples of the service's own description. */
#include "daemons/bucketd/glob_match.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/base_test.h"

static void test_table(void **state) {
        static const struct {
                const char *pattern, *name;
                bool matches;
        } rows[] = {
                {"foo*bar", "foobar", true},
                {"foo*bar", "foo-x-bar", true},
                {"foo*bar", "foo/bar", false},
                {"foo**bar", "foo/x/bar", true},
                {"f?o", "foo", true},
                {"f?o", "f/o", false},
                {"foo[0-9]", "foo7", true},
                {"foo[0-9]", "foox", false},
                {"foo[!0-9]", "foox", true},
                {"foo[]x]", "foo]", true},
                {"**/*.txt", "a/b/c.txt", true},
                {"**/foobar", "foobar", true},
                {"**/foobar", "xfoobar", false},
                {"**/{foobar,baz}", "baz", true},
                {"a/**/b", "a/b", true},
                {"a/**/b", "a/x/y/b", true},
                {"a**/b", "a/b", true},
                {"a**/b", "ab", false},
                {"a**/b", "axb", false},
                {"foo**bar", "foobar", true},
                {"*.txt", "a/c.txt", false},
                {"{a,b}c", "ac", true},
                {"{a,b}c", "bc", true},
                {"{a,b}c", "cc", false},
                {"{a,{b,x}y}c", "xyc", true},
                {"{*.jpg,img/**}", "img/1/2.png", true},
                {"{*.jpg,img/**}", "x/1.jpg", false},
                {"{,x}a", "a", true},
                {"\\*", "*", true},
                {"\\*", "x", false},
                {"", "", true},
                {"", "a", false},
                {"*", "", true},
                {"**", "a/b", true},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_int_equal(glob_match_check(rows[i].pattern), 0);
                if (glob_match(rows[i].pattern, rows[i].name) != rows[i].matches)
                        fail_msg("%s on %s", rows[i].pattern, rows[i].name);
        }
}

static void test_bad(void **state) {
        char long_one[GLOB_MATCH_MAX + 2];

        memset(long_one, 'a', sizeof(long_one) - 1);
        long_one[sizeof(long_one) - 1] = 0;
        assert_int_equal(glob_match_check(long_one), -EINVAL);
        assert_int_equal(glob_match_check("a["), -EINVAL);
        assert_int_equal(glob_match_check("{a,b"), -EINVAL);
        assert_int_equal(glob_match_check("a\\"), -EINVAL);
        assert_int_equal(glob_match_check("a}b]"), 0);
}

/* It ends, whatever it is asked. */
static void test_bounded(void **state) {
        char name[200];

        memset(name, 'a', sizeof(name) - 1);
        name[sizeof(name) - 1] = 0;
        assert_false(glob_match("**a**a**a**a**a**a**a**a**a**a**b", name));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
