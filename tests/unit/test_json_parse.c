/* What the parser takes and refuses; test_json_oracle.c asks jansson too. */
#include "tests/unit/arena_test.h"

#include "lib/base/buf.h"
#include "lib/base/json.h"

static int parse(const char *text, size_t len, struct json **ret, struct errmsg *em) {
        char *exact = malloc(len + 1);
        int r;

        assert_non_null(exact);
        memcpy(exact, text, len);
        exact[len] = 0;
        r = json_parse_copy(&arena, exact, len, ret, em);
        free(exact);
        return r;
}

static void strings(void **state) {
        static const struct {
                const char *text, *value;
        } rows[] = {
                {"\"\"", ""},
                {"\"plain\"", "plain"},
                {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
                {"\"\\u00e9\\u20ac\"", "\xc3\xa9\xe2\x82\xac"},
                {"\"\\ud83d\\ude00!\"", "\xf0\x9f\x98\x80!"},
                {"\"\xf0\x9f\x98\x80\\u0041\"", "\xf0\x9f\x98\x80"
                                                "A"},
                {"\"\\uDBFF\\uDFFF\"", "\xf4\x8f\xbf\xbf"},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct json *j;

                assert_int_equal(parse(rows[i].text, strlen(rows[i].text), &j, NULL), 0);
                assert_int_equal(j->type, JSON_STRING);
                assert_string_equal(j->str, rows[i].value);
                assert_int_equal(j->len, strlen(rows[i].value));
        }
}

static void numbers_keep_their_text(void **state) {
        static const char *const rows[] = {
                "0",   "-0",    "12",     "-1.50",
                "1e5", "1E+05", "0.1e-7", "123456789012345678901234567890"};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct json *j;

                assert_int_equal(parse(rows[i], strlen(rows[i]), &j, NULL), 0);
                assert_int_equal(j->type, JSON_NUMBER);
                assert_int_equal(j->len, strlen(rows[i]));
                assert_memory_equal(j->str, rows[i], j->len);
        }
}

static void refusals_name_the_place(void **state) {
        static const struct {
                const char *text, *words;
        } rows[] = {
                {"", "line 1, column 1: the text ends where a value should stand"},
                {"  \n ", "line 2, column 2: the text ends"},
                {"{\n \"a\": 1,\n}",
                 "line 3, column 1: a key in quotes should stand here, not '}'"},
                {"[1 2]", "line 1, column 4: ',' or ']' should stand here, not '2'"},
                {"{\"a\" 1}", "':' should stand here"},
                {"[1,]", "a value should stand here, not ']'"},
                {"{\"a\":1", "the text ends where ',' or '}' should stand"},
                {"01", "must not begin with 0"},
                {"-", "a digit should follow the minus sign"},
                {"-Infinity", "Infinity is not a JSON number"},
                {"1.", "follow the decimal point"},
                {"1.e5", "follow the decimal point"},
                {"1e", "follow the exponent"},
                {"1e+", "follow the exponent"},
                {"NaN", "NaN and Infinity are not JSON numbers"},
                {"Infinity", "NaN and Infinity are not JSON numbers"},
                {"nul", "a value should stand here"},
                {"truex", "the end of the text should stand here"},
                {"1 1", "the end of the text should stand here"},
                {"\"abc", "line 1, column 1: a string without its closing quote"},
                {"\"a\nb\"", "a control character (0x0a) in a string"},
                {"\"\\x\"", "unknown escape"},
                {"\"\\u12g4\"", "four hex digits"},
                {"\"\\u12", "four hex digits"},
                {"\"\\u0000\"", "\\u0000 is not allowed"},
                {"\"\\ud800\"", "half of a surrogate pair"},
                {"\"\\ud800\\u0041\"", "half of a surrogate pair"},
                {"\"\\udc00\"", "half of a surrogate pair"},
                {"\"\xff\"", "invalid UTF-8"},
                {"\"\xed\xa0\x80\"", "invalid UTF-8"},
                {"\xef\xbb\xbf{}", "not the byte 0xef"},
                {"{\"a\":1,\"b\":2,\"a\":3}", "the key \"a\" stands twice"},
                {"{\"a\":1,\"\\u0061\":3}", "the key \"a\" stands twice"},
                {"{a:1}", "a key in quotes should stand here, not 'a'"},
                {"'x'", "a value should stand here"},
                {"/**/1", "a value should stand here"},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct json *j = NULL;
                struct errmsg em = {};

                assert_int_equal(parse(rows[i].text, strlen(rows[i].text), &j, &em), -EINVAL);
                assert_says(em, rows[i].words);
                assert_null(j);
        }
}

/* What Python's json takes. */
static void python(void **state) {
        static const struct {
                const char *text, *key, *value;
                uint32_t n;
        } rows[] = {
                {"{\"a\":NaN}", "a", "NaN", 1},
                {"{\"a\":-Infinity,\"b\":Infinity}", "a", "-Infinity", 2},
                {"{\"a\":1,\"b\":2,\"a\":3,\"a\":45}", "a", "45", 2},
                {"{\"a\":1,\"b\":2,\"\\u0061\":3}", "b", "2", 2},
                {"{\"a\":NaN,\"a\":1e999}", "a", "1e999", 1},
        };
        static const char twins[] = "{\"b\":1,\"a\":2,\"b\":{\"c\":[]}}";
        static const char *const bad[] = {"nan", "-NaN", "Infinit", "-", "{\"a\":}", "NaNs"};
        struct arena a;
        struct json *j;
        double value;

        (void) state;
        arena_init(&a, 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct json *got;

                assert_int_equal(
                        json_parse_python_copy(&a, rows[i].text, strlen(rows[i].text), &j, NULL),
                        0);
                assert_int_equal(j->len, rows[i].n);
                got = json_get(j, rows[i].key);
                assert_true(json_is(got, JSON_NUMBER));
                assert_int_equal(got->len, strlen(rows[i].value));
                assert_memory_equal(got->str, rows[i].value, got->len);
                if (got->len > 2)
                        assert_int_equal(json_f64(got, &value), JSON_OUT_OF_RANGE);
        }
        assert_int_equal(json_parse_python_copy(&a, twins, strlen(twins), &j, NULL), 0);
        assert_string_equal(json_first(j)->key, "b"); /* the first one's place */
        assert_true(json_is(json_first(j), JSON_OBJECT));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(json_parse_python_copy(&a, bad[i], strlen(bad[i]), &j, NULL),
                                 -EINVAL);
        arena_done(&a);
}

static void nul_bytes(void **state) {
        struct json *j;

        (void) state;
        assert_int_equal(parse("\"a\0b\"", 5, &j, NULL), -EINVAL);
        assert_int_equal(parse("1\0", 2, &j, NULL), -EINVAL);
        assert_int_equal(parse("\0", 1, &j, NULL), -EINVAL);
        assert_int_equal(parse("[1\0]", 4, &j, NULL), -EINVAL);
}

static void depth_has_an_end(void **state) {
        char text[2 * JSON_DEPTH_MAX + 3];
        struct errmsg em;
        struct json *j;

        (void) state;
        memset(text, '[', JSON_DEPTH_MAX);
        memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
        assert_int_equal(parse(text, 2 * JSON_DEPTH_MAX, &j, NULL), 0);
        memset(text, '[', JSON_DEPTH_MAX + 1);
        memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
        assert_int_equal(parse(text, 2 * JSON_DEPTH_MAX + 2, &j, &em), -EINVAL);
        assert_says(em, "levels of nesting");
}

static void many_keys_twins_are_found(void **state) {
        _cleanup_buf_ struct buf b = {};
        struct errmsg em;
        struct json *j;

        (void) state;
        buf_add_char(&b, '{');
        for (int i = 0; i < 20000; i++)
                buf_printf(&b, "\"key%d\":%d,", i, i);
        buf_add_str(&b, "\"last\":0}");
        assert_int_equal(parse(b.data, b.len, &j, NULL), 0);
        assert_int_equal(j->len, 20001);
        buf_truncate(&b, b.len - 1);
        buf_add_str(&b, ",\"key777\":1}");
        assert_int_equal(parse(b.data, b.len, &j, &em), -EINVAL);
        assert_says(em, "key777");
}

static void no_memory(void **state) {
        static const char text[] = "{\"a\":[1,2,{\"b\":\"c\"}],\"d\":null}";
        _cleanup_(arena_done) struct arena small;
        struct json *j;

        (void) state;
        for (size_t limit = 16; limit < 700; limit += 16) {
                int r;

                arena_init(&small, limit);
                r = json_parse_copy(&small, text, strlen(text), &j, NULL);
                assert_true(r == 0 || r == -ENOMEM);
                if (limit < 200)
                        assert_int_equal(r, -ENOMEM);
                arena_done(&small);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                arena_test(strings),
                arena_test(numbers_keep_their_text),
                arena_test(refusals_name_the_place),
                arena_test(python),
                arena_test(nul_bytes),
                arena_test(depth_has_an_end),
                arena_test(many_keys_twins_are_found),
                arena_test(no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
