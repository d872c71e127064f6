#include "tests/unit/arena_test.h"

#include "lib/base/buf.h"
#include "lib/base/json.h"
#include "lib/base/json_write.h"

static const struct json *parse(const char *text) {
        struct json *j;
        struct errmsg em = {};

        if (json_parse_copy(&arena, text, strlen(text), &j, &em) < 0)
                fail_msg("%s: %s", text, em.text);
        return j;
}

static void reading_values(void **state) {
        const struct json *j = parse("{\"s\":\"x\",\"i\":-5,\"f\":2.5,\"t\":true,\"n\":null,"
                                     "\"a\":[1,2,3],\"u\":18446744073709551615}");
        const char *s = NULL;
        uint64_t u = 0;
        int64_t i = 0;
        double f = 0;
        bool b = false;

        (void) state;
        assert_int_equal(json_str(json_get(j, "s"), &s), 0);
        assert_string_equal(s, "x");
        assert_int_equal(json_i64(json_get(j, "i"), &i), 0);
        assert_int_equal(i, -5);
        assert_int_equal(json_f64(json_get(j, "f"), &f), 0);
        assert_true(f == 2.5);
        assert_int_equal(json_f64(json_get(j, "i"), &f), 0);
        assert_true(f == -5);
        assert_int_equal(json_bool(json_get(j, "t"), &b), 0);
        assert_true(b);
        assert_int_equal(json_u64(json_get(j, "u"), &u), 0);
        assert_true(u == UINT64_MAX);
        assert_int_equal(json_i64(json_at(json_get(j, "a"), 2), &i), 0);
        assert_int_equal(i, 3);
        assert_null(json_at(json_get(j, "a"), 3));
        assert_null(json_get(json_get(j, "a"), "x"));
        assert_null(json_get(NULL, "x"));
}

static void wrong_answers_touch_nothing(void **state) {
        const struct json *j = parse("{\"s\":\"1\",\"big\":9223372036854775808,\"f\":1.0,"
                                     "\"neg\":-1,\"huge\":1e999}");
        const char *s = "kept";
        uint64_t u = 7;
        int64_t i = 7;
        double f = 7;
        bool b = true;

        (void) state;
        assert_int_equal(json_str(json_get(j, "none"), &s), JSON_ABSENT);
        assert_int_equal(json_str(json_get(j, "f"), &s), JSON_WRONG_TYPE);
        assert_int_equal(json_i64(json_get(j, "s"), &i), JSON_WRONG_TYPE);
        assert_int_equal(json_i64(json_get(j, "f"), &i), JSON_WRONG_TYPE);
        assert_int_equal(json_i64(json_get(j, "big"), &i), JSON_OUT_OF_RANGE);
        assert_int_equal(json_u64(json_get(j, "neg"), &u), JSON_OUT_OF_RANGE);
        assert_int_equal(json_f64(json_get(j, "huge"), &f), JSON_OUT_OF_RANGE);
        assert_int_equal(json_bool(json_get(j, "s"), &b), JSON_WRONG_TYPE);
        assert_string_equal(s, "kept");
        assert_true(i == 7 && u == 7 && f == 7 && b);
}

static void need_and_want(void **state) {
        const struct json *j = parse("{\"s\":5,\"i\":1.5,\"n\":null,\"a\":[],\"big\":1e30}"), *a;
        const char *s = "kept";
        struct errmsg em;
        int64_t i = 7;

        (void) state;
        assert_int_equal(json_need_str(j, "run_id", &s, &em), -EINVAL);
        assert_says(em, "\"run_id\" is missing");
        assert_int_equal(json_need_str(j, "s", &s, &em), -EINVAL);
        assert_string_equal(em.text, "\"s\" must be a string, not a number");
        assert_int_equal(json_need_i64(j, "i", &i, &em), -EINVAL);
        assert_string_equal(em.text, "\"i\" must be an integer, not a fraction");
        assert_int_equal(json_need_i64(j, "n", &i, &em), -EINVAL);
        assert_string_equal(em.text, "\"n\" must be an integer, not null");
        assert_int_equal(json_need(j, "a", JSON_OBJECT, &a, &em), -EINVAL);
        assert_string_equal(em.text, "\"a\" must be an object, not an array");
        assert_int_equal(json_need(j, "a", JSON_ARRAY, &a, &em), 0);
        assert_int_equal(a->len, 0);
        assert_int_equal(json_want_i64(j, "n", &i, &em), 0);
        assert_int_equal(json_want_str(j, "none", &s, &em), 0);
        assert_true(i == 7 && strcmp(s, "kept") == 0);
        assert_int_equal(json_want_str(j, "s", &s, &em), -EINVAL);
}

static void unknown_keys(void **state) {
        static const char *const keys[] = {"name", "cmd"};
        struct errmsg em;

        (void) state;
        assert_int_equal(json_only_keys(parse("{\"cmd\":1,\"name\":2}"), keys, 2, &em), 0);
        assert_int_equal(json_only_keys(parse("{\"nmae\":1}"), keys, 2, &em), -EINVAL);
        assert_string_equal(em.text, "unknown key \"nmae\": did you mean \"name\"?");
}

static void walking(void **state) {
        const struct json *j = parse("[10,20,30]"), *item;
        int64_t sum = 0, i;

        (void) state;
        json_each (item, j) {
                assert_int_equal(json_i64(item, &i), 0);
                sum += i;
        }
        assert_int_equal(sum, 60);
        json_each (item, parse("\"text\""))
                fail();
        json_each (item, NULL)
                fail();
        assert_string_equal(json_type_name(NULL), "nothing");
}

static void copying_nodes(void **state) {
        static const char *const texts[] = {
                "[]", "{}", "null", "\"a\"", "-1.5e3", "{\"a\":[1,{\"b\":[]},\"x\"],\"c\":true}"};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_buf_ struct buf text = {};
                struct arena nodes, copies;
                struct json *j, *copy;
                struct json_write w;
                char *kept;

                arena_init(&nodes, 0);
                arena_init(&copies, 0);
                kept = arena_strdup(&copies, texts[i]);
                assert_non_null(kept);
                assert_int_equal(json_parse(&nodes, kept, strlen(kept), &j, NULL), 0);
                copy = json_copy_nodes(&copies, j);
                assert_non_null(copy);
                arena_done(&nodes); /* it needs none of them */
                json_write_init(&w, &text, 0);
                json_write_node(&w, copy);
                assert_int_equal(json_write_finish(&w), 0);
                assert_string_equal(buf_cstr(&text), texts[i]);
                arena_done(&copies);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                arena_test(reading_values), arena_test(wrong_answers_touch_nothing),
                arena_test(need_and_want),  arena_test(unknown_keys),
                arena_test(walking),        cmocka_unit_test(copying_nodes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
