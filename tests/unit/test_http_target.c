/* Targets and %-encoding. */
#include "tests/unit/net_test_cmocka.h"

#include "lib/net/http_target.h"

static void check_decode(const char *in, bool plus, const char *expected) {
        char out[64];
        ssize_t n = http_target_decode(out, in, strlen(in), plus);

        if (!expected) {
                assert_int_equal(n, -EINVAL);
                return;
        }
        assert_int_equal(n, strlen(expected));
        assert_string_equal(out, expected);
}

static void test_decode(void **state) {
        check_decode("", false, "");
        check_decode("abc", false, "abc");
        check_decode("a%20b%2fc%2F", false, "a b/c/");
        check_decode("a+b", false, "a+b");
        check_decode("a+b%2B", true, "a b+");
        check_decode("%C3%A9", false, "\xc3\xa9");
        check_decode("%", false, NULL);
        check_decode("%4", false, NULL);
        check_decode("%4g", false, NULL);
        check_decode("%00", false, NULL);
        check_decode("%ff", false, NULL);
        check_decode("%C3", false, NULL);
        check_decode("%25252e", false, "%252e");
}

static void test_decode_query(void **state) {
        char out[32];

        assert_int_equal(http_target_decode_query(out, "a+%C3%A9%%4g%zz%", 16), 12);
        assert_string_equal(out, "a \xc3\xa9%%4g%zz%");
        assert_int_equal(http_target_decode_query(out, "%00", 3), -EINVAL);
        assert_int_equal(http_target_decode_query(out, "%ff", 3), -EINVAL);
}

static void test_decode_in_place(void **state) {
        char text[] = "x%41%42y";

        assert_int_equal(http_target_decode(text, text, strlen(text), false), 4);
        assert_string_equal(text, "xABy");
}

static void check_split(const char *in, const char *path, const char *query) {
        char text[64], *p, *q;

        snprintf(text, sizeof text, "%s", in);
        if (!path) {
                assert_int_equal(http_target_split(text, &p, &q), -EINVAL);
                return;
        }
        assert_int_equal(http_target_split(text, &p, &q), 0);
        assert_string_equal(p, path);
        assert_string_equal(q, query);
}

static void test_split(void **state) {
        check_split("/a/b?c=d&e", "/a/b", "c=d&e");
        check_split("/", "/", "");
        check_split("/a?", "/a", "");
        check_split("/a?b?c", "/a", "b?c");
        check_split("/a#frag?x", "/a", "");
        check_split("/a?q#frag", "/a", "q");
        check_split("*", "*", "");
        check_split("http://host:80/x?y", "/x", "y");
        check_split("HTTPS://host?y", "/", "y");
        check_split("http://host", "/", "");
        check_split("http://", "/", "");
        check_split("host:443", NULL, NULL);
        check_split("", NULL, NULL);
        check_split("ftp://x/", NULL, NULL);
}

static void test_encode(void **state) {
        char out[64];

        assert_int_equal(http_target_encode(out, "a b/\xc3\xa9~", 7, "/"), 13);
        assert_string_equal(out, "a%20b/%C3%A9~");
        (void) http_target_encode(out, "a/b", 3, "");
        assert_string_equal(out, "a%2Fb");
        (void) http_target_encode(out, "\0", 1, "");
        assert_string_equal(out, "%00");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_decode),          cmocka_unit_test(test_decode_query),
                cmocka_unit_test(test_decode_in_place), cmocka_unit_test(test_split),
                cmocka_unit_test(test_encode),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
