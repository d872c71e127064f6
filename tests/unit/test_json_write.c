#include "tests/unit/base_test.h"

#include <math.h>

#include "lib/base/json_write.h"

static void write_sample(struct json_write *w) {
        json_write_object(w);
        json_write_kv_str(w, "name", "a\"b\\\n\x01\xc3\xa9\xf0\x9f\x98\x80");
        json_write_kv_array(w, "list");
        json_write_i64(w, -1);
        json_write_f64(w, 0.5);
        json_write_bool(w, true);
        json_write_null(w);
        json_write_raw(w, "[7]", 3);
        json_write_end(w);
        json_write_kv_object(w, "empty");
        json_write_end(w);
        json_write_kv_array(w, "none");
        json_write_end(w);
        json_write_kv_u64(w, "u", UINT64_MAX);
        json_write_kv_f64(w, "f", 1.0);
        json_write_kv_bool(w, "no", false);
        json_write_kv_null(w, "n");
        json_write_kv_str(w, "null", NULL);
        json_write_end(w);
}

static void assert_writes(unsigned flags, const char *text) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        json_write_init(&w, &b, flags);
        write_sample(&w);
        assert_int_equal(json_write_finish(&w), 0);
        assert_string_equal(buf_cstr(&b), text);
}

static void compact(void **state) {
        (void) state;
        assert_writes(0,
                      "{\"name\":\"a\\\"b\\\\\\n\\u0001\xc3\xa9\xf0\x9f\x98\x80\",\"list\":[-1,0.5,"
                      "true,null,[7]],\"empty\":{},\"none\":[],\"u\":18446744073709551615,\"f\":"
                      "1.0,\"no\":false,\"n\":null,\"null\":null}");
}

/* As json.dumps(..., indent=2) prints it. */
static void pretty(void **state) {
        (void) state;
        assert_writes(
                JSON_WRITE_PRETTY | JSON_WRITE_ASCII,
                "{\n  \"name\": \"a\\\"b\\\\\\n\\u0001\\u00e9\\ud83d\\ude00\",\n  \"list\": [\n"
                "    -1,\n    0.5,\n    true,\n    null,\n    [7]\n  ],\n  \"empty\": {},\n"
                "  \"none\": [],\n  \"u\": 18446744073709551615,\n  \"f\": 1.0,\n"
                "  \"no\": false,\n  \"n\": null,\n  \"null\": null\n}");
}

static void spaced(void **state) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        (void) state;
        json_write_init(&w, &b, JSON_WRITE_SPACED);
        json_write_object(&w);
        json_write_kv_i64(&w, "a", 1);
        json_write_kv_array(&w, "b");
        json_write_i64(&w, 2);
        json_write_i64(&w, 3);
        json_write_end(&w);
        json_write_kv_i64_text(&w, "c", INT64_MIN);
        json_write_end(&w);
        assert_int_equal(json_write_finish(&w), 0);
        assert_string_equal(buf_cstr(&b),
                            "{\"a\": 1, \"b\": [2, 3], \"c\": \"-9223372036854775808\"}");
}

/* One list with items of their own, one without, in every place. */
static void write_lists(struct json_write *w, bool first, bool inner, bool last) {
        json_write_object(w);
        json_write_kv_items(w, "first");
        if (first)
                json_write_i64(w, 1);
        json_write_end(w);
        json_write_kv_items(w, "middle");
        json_write_object(w);
        json_write_kv_items(w, "inner");
        if (inner)
                json_write_str(w, "{");
        json_write_end(w);
        json_write_end(w);
        json_write_end(w);
        json_write_kv_items(w, "last");
        if (last) {
                json_write_null(w);
                json_write_null(w);
        }
        json_write_end(w);
        json_write_end(w);
}

static void a_list_without_items_is_left_out(void **state) {
        static const struct {
                bool first, inner, last;
                const char *text;
        } rows[] = {
                {false, false, false, "{\"middle\":[{}]}"},
                {true, false, false, "{\"first\":[1],\"middle\":[{}]}"},
                {false, true, false, "{\"middle\":[{\"inner\":[\"{\"]}]}"},
                {true, true, true,
                 "{\"first\":[1],\"middle\":[{\"inner\":[\"{\"]}],\"last\":[null,null]}"},
        };
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                buf_reset(&b);
                json_write_init(&w, &b, 0);
                write_lists(&w, rows[i].first, rows[i].inner, rows[i].last);
                assert_int_equal(json_write_finish(&w), 0);
                assert_string_equal(buf_cstr(&b), rows[i].text);
        }
        buf_reset(&b);
        json_write_init(&w, &b, JSON_WRITE_PRETTY);
        json_write_object(&w);
        json_write_kv_items(&w, "none");
        json_write_end(&w);
        json_write_end(&w);
        assert_int_equal(json_write_finish(&w), 0);
        assert_string_equal(buf_cstr(&b), "{}");
}

static void bad_bytes_become_the_replacement(void **state) {
        _cleanup_buf_ struct buf b = {};

        (void) state;
        assert_int_equal(json_write_quoted(&b, "a\xff\xc3(\xe2\x82", 6, 0), 0);
        assert_string_equal(buf_cstr(&b), "\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\"");
        buf_reset(&b);
        json_write_quoted(&b, "\xff", 1, JSON_WRITE_ASCII);
        assert_string_equal(buf_cstr(&b), "\"\\ufffd\"");
        buf_reset(&b);
        json_write_quoted(&b, "x\0y", 3, 0);
        assert_string_equal(buf_cstr(&b), "\"x\\u0000y\"");
        buf_reset(&b);
        json_write_quoted(&b, "\x7f", 1, JSON_WRITE_ASCII);
        assert_string_equal(buf_cstr(&b), "\"\\u007f\""); /* as Python does */
}

static void odd_doubles(void **state) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        (void) state;
        json_write_init(&w, &b, 0);
        json_write_array(&w);
        json_write_f64(&w, NAN);
        json_write_f64(&w, INFINITY);
        json_write_f64(&w, -INFINITY);
        json_write_end(&w);
        assert_int_equal(json_write_finish(&w), 0);
        assert_string_equal(buf_cstr(&b), "[\"NaN\",\"Infinity\",\"-Infinity\"]");
}

static void errors_stick(void **state) {
        struct json_write w;
        struct buf b;

        (void) state;
        buf_init(&b, 20);
        json_write_init(&w, &b, 0);
        write_sample(&w);
        assert_int_equal(json_write_finish(&w), -E2BIG);
        buf_done(&b);
        for (unsigned nth = 1; nth < 4; nth++) {
                _cleanup_buf_ struct buf c = {};

                fault_arm(FAULT_ALLOC, nth, 0, 1);
                json_write_init(&w, &c, JSON_WRITE_PRETTY);
                write_sample(&w);
                assert_int_equal(json_write_finish(&w), -ENOMEM);
        }
}

static void a_tree_comes_back_as_it_was(void **state) {
        static const char text[] = "{\"a\":[1.50,-0,1e5,\"x\\ty\"],\"b\":{\"c\":{}},\"d\":[[],[]]}";
        _cleanup_(arena_done) struct arena a;
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        struct json *j;

        (void) state;
        arena_init(&a, 0);
        assert_int_equal(json_parse_copy(&a, text, strlen(text), &j, NULL), 0);
        json_write_init(&w, &b, 0);
        json_write_node(&w, j);
        assert_int_equal(json_write_finish(&w), 0);
        assert_string_equal(buf_cstr(&b), text);
        json_write_init(&w, &b, 0);
        buf_reset(&b);
        json_write_node(&w, NULL);
        assert_string_equal(buf_cstr(&b), "null");
}

/* Whatever the parser takes can be written within something else. */
static void the_deepest_tree_stands_in_an_answer(void **state) {
        _cleanup_(arena_done) struct arena a;
        _cleanup_buf_ struct buf text = {}, out = {}, expected = {};
        struct json_write w;
        struct json *j;

        (void) state;
        arena_init(&a, 0);
        buf_add_fill(&text, '[', JSON_DEPTH_MAX);
        buf_add_fill(&text, ']', JSON_DEPTH_MAX);
        assert_int_equal(json_parse_copy(&a, buf_cstr(&text), text.len, &j, NULL), 0);
        json_write_init(&w, &out, 0);
        for (int i = 0; i < JSON_WRITE_DEPTH_MAX - JSON_DEPTH_MAX; i++)
                json_write_array(&w);
        json_write_node(&w, j);
        for (int i = 0; i < JSON_WRITE_DEPTH_MAX - JSON_DEPTH_MAX; i++)
                json_write_end(&w);
        assert_int_equal(json_write_finish(&w), 0);
        buf_add_fill(&expected, '[', JSON_WRITE_DEPTH_MAX);
        buf_add_fill(&expected, ']', JSON_WRITE_DEPTH_MAX);
        assert_string_equal(buf_cstr(&out), buf_cstr(&expected));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(compact),
                cmocka_unit_test(pretty),
                cmocka_unit_test(spaced),
                cmocka_unit_test(a_list_without_items_is_left_out),
                cmocka_unit_test(bad_bytes_become_the_replacement),
                cmocka_unit_test(odd_doubles),
                cmocka_unit_test_teardown(errors_stick, base_test_no_faults),
                cmocka_unit_test(a_tree_comes_back_as_it_was),
                cmocka_unit_test(the_deepest_tree_stands_in_an_answer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
