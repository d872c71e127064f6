/* The part of TOML that a flat file of flags needs; the rest is read over or refused. */
#include "tests/unit/base_test.h"

#include "daemons/sqlproxy/toml.h"
#include "lib/base/buf.h"

static int note(void *ctx, const char *key, const char *value, size_t len) {
        return buf_printf(ctx, "%s=%.*s;", key, (int) len, value);
}

static void expect(const char *text, const char *out) {
        _cleanup_buf_ struct buf got = {};
        struct errmsg em = {};

        if (toml_parse(text, strlen(text), "f", note, &got, &em) < 0)
                fail_msg("%s: %s", text, em.text);
        assert_string_equal(buf_cstr(&got), out);
}

static void refuse(const char *text, const char *says) {
        _cleanup_buf_ struct buf got = {};
        struct errmsg em = {};

        assert_int_equal(toml_parse(text, strlen(text), "f", note, &got, &em), -EINVAL);
        assert_says(em, says);
}

static void test_values(void **state) {
        expect("", "");
        expect("# only a comment", "");
        expect("a = 1\nb=true\r\n\n c = \"x y\" # z\n", "a=1;b=true;c=x y;");
        expect("a-b_1 = 'lit\\n'\n\"q r\" = -1.5e3", "a-b_1=lit\\n;q r=-1.5e3;");
        expect("a = \"t\\t\\\"\\u00e9\\U0001F600\"", "a=t\t\"\xc3\xa9\xf0\x9f\x98\x80;");
        expect("a = \"\"\"\nx\ny\\\n   z\"\"\"\"\n", "a=x\nyz\";");
        expect("a = '''x'''", "a=x;");
        expect("d = 2026-01-02T03:04:05Z", "d=2026-01-02T03:04:05Z;");
        expect("n = 1_000", "n=1000;");
        expect("a.b = 1", "a.b=1;");
}

static void test_tables_and_lists_are_read_over(void **state) {
        expect("a = [1, [2, \"x\"],\n # c\n 3,]\nb = 2", "b=2;");
        expect("a = {x = 1, y = [2]}\nb = 2", "b=2;");
        expect("b = 2\n[t]\nb = 3\n[[u.v]]\nc = 4\n", "b=2;");
}

static void test_mistakes_name_the_line(void **state) {
        refuse("a = 1\nb", "f:2:");
        refuse("a = x", "needs quotes");
        refuse("a = \"x", "no end");
        refuse("a = \"\\q\"", "escape");
        refuse("a = \"\\ud800\"", "names no character");
        refuse("a = [1, 2", "wanted");
        refuse("= 1", "key");
        refuse("a = 1 b = 2", "end of the line");
        refuse("[t", "no end");
        refuse("a = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "too many levels");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_tables_and_lists_are_read_over),
                cmocka_unit_test(test_mistakes_name_the_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
