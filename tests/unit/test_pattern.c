/* Patterns are read as Python reads them. */
#include "tests/unit/base_test.h"

#include "lib/base/mem.h"
#include "lib/base/pattern.h"

static int read_pattern(const char *text) {
        struct pattern *p = NULL;
        int r = pattern_compile(text, &p);

        pattern_free(p);
        return r;
}

static void assert_found(const char *pattern, const char *text, bool found) {
        struct pattern *p = NULL;

        assert_int_equal(pattern_compile(pattern, &p), 0);
        if (pattern_search(p, text, strlen(text)) != found)
                fail_msg("%s in \"%s\": not %d", pattern, text, found);
        pattern_free(p);
}

static void test_found(void **state) {
        static const struct {
                const char *pattern, *text;
                bool found;
        } rows[] = {
                {"", "", true},
                {"b", "abc", true},
                {"d", "abc", false},
                {"^b", "abc", false},
                {"^a.c$", "abc", true},
                {"^a.c$", "abc\n", true},
                {"a.c", "a\nc", false},
                {"(?s)a.c", "a\nc", true},
                {"^c", "a\nc", false},
                {"(?m)^c$", "a\nc\nd", true},
                {"a|bc|d", "xbcx", true},
                {"a|bc|d", "xbx", false},
                {"^(a|bc|d)$", "bc", true},
                {"^(?:a|)$", "", true},
                {"^(a|b|c|d)*e$", "abcdabcde", true},
                {"^(a|b|c|d)*e$", "abcdxbcde", false},
                {"^(?P<name>x)+$", "xxx", true},
                {"ab*c", "ac", true},
                {"ab+c", "ac", false},
                {"ab?c", "abc", true},
                {"^a{2,3}$", "aaa", true},
                {"^a{2,3}$", "aaaa", false},
                {"^a{2}$", "a", false},
                {"^a{,2}$", "", true},
                {"^a{2,}$", "aaaaaa", true},
                {"^a{2,}$", "a", false},
                {"^(ab){0}$", "", true},
                {"^(a|bc){2}$", "bca", true},
                {"x{", "x{", true},
                {"x{,y", "x{,y", true},
                {"a+?b", "aab", true},
                {"(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
                {"(?i)user", "USER_LOGIN", true},
                {"x(?i:user)", "xUsEr", true},
                {"(?i:user)x", "userX", false},
                {"(?i)[a-f]+$", "DEAD", true},
                {"v[0-9]+\\.[0-9]", "v2.0.0-beta", true},
                {"\\d{3}$", "req-123", true},
                {"\\D", "123", false},
                {"^\\w+$", "größe_1", true},
                {"\\W", "☃", true},
                {"\\s", "a\tb", true},
                {"^\\S+$", "a b", false},
                {"\\bcat\\b", "a cat.", true},
                {"\\bcat\\b", "concatenate", false},
                {"a\\Bb", "ab", true},
                {"\\Aa\\Z", "a\n", false},
                {"[^a-c]", "abc", false},
                {"[]a]", "]", true},
                {"[^]a]", "]a", false},
                {"[a\\]-]", "-", true},
                {"[\\d.]+$", "1.2", true},
                {"[\\x41-\\x43]", "B", true},
                {"[ä-ü]", "ö", true},
                {"\\u00e4\\n\\0", "ä\n", false},
                {"^.{3}$", "äöü", true},
                {"a(?#what b is)b", "ab", true},
                {"^a(?#many)*$", "aaa", true},
                {"\\B", "", false},
                {"\\.\\*\\\\", ".*\\", true},
                {"\\bx",
                 "\xff"
                 "x",
                 true},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_found(rows[i].pattern, rows[i].text, rows[i].found);
}

static void test_wrong(void **state) {
        static const char *const wrong[] = {
                "(",   ")",   "a)",   "[",   "[]",       "[b-a]",  "[\\d-x]", "[a-\\d]",
                "*",   "+a",  "?",    "a**", "a{3,2}",   "^*",     "\\b+",    "(*)",
                "\\q", "\\",  "\\x4", "(?",  "(?P<1>a)", "(?P<a",  "(?y)",    "a(?i)b",
                "(?#", "[\\", "(?i",  "|*",  "{2}",      "a|{,2}", "(?#x)+",  "\xff"};
        static const char *const left_out[] = {"(?=a)", "(?!a)",        "(?<=a)",        "(?<!a)",
                                               "(?>a)", "(a)\\1",       "(?P=a)",        "(?x)a",
                                               "a++",   "(a)(?(1)b|c)", "\\N{DIGIT ONE}"};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                if (read_pattern(wrong[i]) != -EINVAL)
                        fail_msg("%s is read", wrong[i]);
        for (size_t i = 0; i < ARRAY_SIZE(left_out); i++)
                if (read_pattern(left_out[i]) != -EOPNOTSUPP)
                        fail_msg("%s is not left out", left_out[i]);
}

static void test_large(void **state) {
        char text[PATTERN_MAX + 2];

        (void) state;
        memset(text, 'a', sizeof(text));
        text[PATTERN_MAX + 1] = 0;
        assert_int_equal(read_pattern(text), -E2BIG);
        text[PATTERN_MAX] = 0;
        assert_int_equal(read_pattern(text), 0);
        memset(text, '(', PATTERN_MAX);
        assert_int_equal(read_pattern(text), -E2BIG);
        assert_int_equal(read_pattern("(a{1000}){1000}"), -E2BIG);
        assert_int_equal(read_pattern("a{99999999999999999999}"), -E2BIG);
        assert_int_equal(read_pattern("(((((a*)*)*)*)*)*"), 0);
        memset(text, '|', PATTERN_MAX);
        text[PATTERN_MAX] = 0;
        assert_int_equal(read_pattern(text), -E2BIG); /* each has two steps, and one is the end */
        text[PATTERN_MAX / 2] = 0;
        assert_int_equal(read_pattern(text), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_found),
                cmocka_unit_test(test_wrong),
                cmocka_unit_test(test_large),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
