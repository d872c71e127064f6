#include "daemons/tracking/python_json.h"
#include "lib/base/buf.h"
#include "tests/unit/tracking_test.h"

static const char *again(struct tracking_test *t, const char *text, unsigned flags) {
        struct json *j;
        const char *out;
        int r;

        assert_int_equal(json_parse_copy(&t->arena, text, strlen(text), &j, NULL), 0);
        out = python_json_text(j, flags, &t->arena, &r);
        assert_int_equal(r, 0);
        return out;
}

/* What Python 3.11's json.dumps(json.loads(x)) gives. */
static void test_text(void **state) {
        static const char *const rows[][2] = {
                {"{}", "{}"},
                {"[]", "[]"},
                {"null", "null"},
                {"[1,2 , 3]", "[1, 2, 3]"},
                {"{\"b\":true,\"a\":false}", "{\"b\": true, \"a\": false}"},
                {"1e5", "100000.0"},
                {"1E22", "1e+22"},
                {"0.1e-5", "1e-06"},
                {"-0", "0"},
                {"-0.0", "-0.0"},
                {"123456789012345678901234567890", "123456789012345678901234567890"},
                {"\"\u00e4\\u0001\\u007f\\ud83d\\ude00\"",
                 "\"\\u00e4\\u0001\\u007f\\ud83d\\ude00\""},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_string_equal(again(*state, rows[i][0], 0), rows[i][1]);
}

static void test_sorted(void **state) {
        assert_string_equal(
                again(*state, "{\"b\":{\"z\":1,\"y\":[{\"d\":1,\"c\":2}]},\"a\":1,\"B\":2}",
                      PYTHON_JSON_SORTED),
                "{\"B\": 2, \"a\": 1, \"b\": {\"y\": [{\"c\": 2, \"d\": 1}], \"z\": 1}}");
}

static void test_beyond_json(void **state) {
        static const char text[] = "[NaN,-Infinity,Infinity,1e999,-1e999,1e5]";
        struct tracking_test *t = *state;
        struct json *j;
        int r = 0;

        assert_int_equal(json_parse_python_copy(&t->arena, text, strlen(text), &j, NULL), 0);
        assert_string_equal(python_json_text(j, 0, &t->arena, &r),
                            "[NaN, -Infinity, Infinity, Infinity, -Infinity, 100000.0]");
}

static void test_str(void **state) {
        static const char *const rows[][2] = {
                {"true", "True"}, {"false", "False"}, {"null", "None"}, {"5", "5"},
                {"1.50", "1.5"},  {"\"x\"", "x"},     {"[1]", "[1]"},
        };
        struct tracking_test *t = *state;
        struct json *j;
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_int_equal(
                        json_parse_copy(&t->arena, rows[i][0], strlen(rows[i][0]), &j, NULL), 0);
                assert_string_equal(python_json_str(j, &t->arena, &r), rows[i][1]);
                assert_int_equal(r, 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_text, tracking_test_setup,
                                                tracking_test_teardown),
                cmocka_unit_test_setup_teardown(test_sorted, tracking_test_setup,
                                                tracking_test_teardown),
                cmocka_unit_test_setup_teardown(test_beyond_json, tracking_test_setup,
                                                tracking_test_teardown),
                cmocka_unit_test_setup_teardown(test_str, tracking_test_setup,
                                                tracking_test_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
