#include "tests/unit/arena_test.h"

#include "lib/base/buf.h"
#include "lib/base/json_write.h"
#include "lib/base/yaml.h"

static const struct json *parse(const char *text) {
        struct json *j;
        struct errmsg em = {};

        if (yaml_parse(&arena, text, strlen(text), "t.yml", &j, &em) < 0)
                fail_msg("%s: %s", text, em.text);
        return j;
}

static void assert_json(const char *yaml, const char *json) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        json_write_init(&w, &b, 0);
        json_write_node(&w, parse(yaml));
        assert_int_equal(json_write_finish(&w), 0);
        assert_string_equal(buf_cstr(&b), json);
}

static void documents(void **state) {
        (void) state;
        assert_json("\xef\xbb\xbf"
                    "a: 1\n",
                    "{\"a\":1}");
        assert_json("a: 1\nb: [x, 'y', \"z\", 2.5, yes, ~]\nc: {d: {}}\n",
                    "{\"a\":1,\"b\":[\"x\",\"y\",\"z\",2.5,true,null],\"c\":{\"d\":{}}}");
        assert_json("- a\n-\n- [[]]\n", "[\"a\",null,[[]]]");
        assert_json("", "null");
        assert_json("# only a comment\n", "null");
        assert_json("---\nx\n...\n", "\"x\"");
        assert_json("text: |\n  one\n   two\nfold: >-\n  a\n  b\n",
                    "{\"text\":\"one\\n two\\n\",\"fold\":\"a b\"}");
        assert_json("on: off\n1: one\n~: none\n", "{\"on\":false,\"1\":\"one\",\"~\":\"none\"}");
        assert_json("'12'", "\"12\"");
        assert_json("\xef\xbb\xbfx: 1", "{\"x\":1}");
        assert_json("caf\xc3\xa9: \"\\u00e9 \\x41\"", "{\"caf\xc3\xa9\":\"\xc3\xa9 A\"}");
}

static void tags(void **state) {
        (void) state;
        assert_json("[!!str 12, !!int '5', !!float 1, !!bool 'yes', !!null '', ! 7]",
                    "[\"12\",5,1,true,null,\"7\"]");
        assert_json("!!map {a: !!seq []}", "{\"a\":[]}");
}

static void merges(void **state) {
        (void) state;
        assert_json("b: &b {x: 1, y: 2}\nd: {<<: *b, y: 3}",
                    "{\"b\":{\"x\":1,\"y\":2},\"d\":{\"y\":3,"
                    "\"x\":1}}");
        assert_json("- &a {x: 1}\n- &b {x: 2, z: 3}\n- <<: [*a, *b]\n  w: 0\n",
                    "[{\"x\":1},{\"x\":2,\"z\":3},{\"w\":0,\"x\":1,\"z\":3}]");
        assert_json("'<<': 1", "{\"<<\":1}");
        assert_json("<<: {a: 1}", "{\"a\":1}");
}

static void aliases(void **state) {
        (void) state;
        assert_json("- &x [1, {a: 2}]\n- *x\n- k: *x\n",
                    "[[1,{\"a\":2}],[1,{\"a\":2}],{\"k\":[1,{\"a\":2}]}]");
        assert_json("a: &s text\nb: *s\n", "{\"a\":\"text\",\"b\":\"text\"}");
}

static void places(void **state) {
        const struct json *j = parse("a: 1\nbb:\n  - x\n  -   yy: z\nc: 2026-01-02\nd: '5'\n");
        const struct json *list = json_get(j, "bb"), *item = json_at(list, 1);

        (void) state;
        assert_int_equal(yaml_line(json_get(j, "a")), 1);
        assert_int_equal(yaml_column(json_get(j, "a")), 4);
        assert_int_equal(yaml_key_column(json_get(j, "a")), 1);
        assert_int_equal(yaml_key_line(list), 2);
        assert_int_equal(yaml_line(list), 3);
        assert_int_equal(yaml_line(item), 4);
        assert_int_equal(yaml_column(item), 7);
        assert_int_equal(yaml_column(json_get(item, "yy")), 11);
        assert_int_equal(json_get(j, "c")->flags, YAML_DATE);
        assert_int_equal(json_get(j, "d")->flags, YAML_QUOTED);
}

static void refusals_name_the_place(void **state) {
        static const struct {
                const char *text, *words;
        } rows[] = {
                {"a: 1\nb: 2\na: 3\n",
                 "t.yml:3:1: the key \"a\" stands twice in this mapping: it is "
                 "on line 1 already"},
                {"a: {<<: {b: 1}, <<: {c: 1}}", "the key \"<<\" stands twice"},
                {"a: *nope\n", "t.yml:1:4: the alias *nope has no anchor &nope"},
                {"a: &x [*x]\n", "the alias *x has no anchor"},
                {"? [a, b]\n: 1\n", "a key must be a plain text"},
                {"- &k a\n- *k : b\n", "a key must be a plain text"},
                {"a: !custom 1\n", "the tag \"!custom\" is not supported"},
                {"a: !!python/object:os.system {}\n", "is not supported"},
                {"a: !!binary aGk=\n", "is not supported"},
                {"a: !!int x\n", "\"x\" is not of the type !!int"},
                {"a: .inf\n", "t.yml:1:4: \".inf\" has no value in JSON"},
                {"a: 0xfffffffffffffffff\n", "out of range"},
                {"<<: 5\n",
                 "t.yml:1:5: \"<<\" merges a mapping or a list of mappings, not a number"},
                {"<<: [{a: 1}, x]\n", "not a string"},
                {"a: 1\n---\nb: 2\n", "t.yml:3:1: a second document begins here"},
                {"a: [1\n", "t.yml:2:1: did not find expected ',' or ']'"},
                {"a:\n\t- b\n", "t.yml:2:1: found character that cannot start any token"},
                {"a: 'x\n", "found unexpected end of stream"},
                {"a: 1\nb: \xff\n", "t.yml:2:1: the byte 0xff is not UTF-8"},
                {"a: \"\\0\"\n", "a NUL character in a text"},
                {"a: b: c\n", "mapping values are not allowed"},
                {"%YAML 9.9\n---\nx\n", "incompatible"},
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct json *j = NULL;
                struct errmsg em = {};

                assert_int_equal(
                        yaml_parse(&arena, rows[i].text, strlen(rows[i].text), "t.yml", &j, &em),
                        -EINVAL);
                assert_says(em, rows[i].words);
                assert_null(j);
        }
}

static void bombs(void **state) {
        _cleanup_buf_ struct buf laughs = {}, deep = {}, nested = {};
        struct errmsg em;
        struct json *j;

        (void) state;
        buf_add_str(&laughs, "- &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (int i = 1; i < 12; i++) {
                buf_printf(&laughs, "- &a%d [", i);
                for (int k = 0; k < 10; k++)
                        buf_printf(&laughs, "%s*a%d", k ? ", " : "", i - 1);
                buf_add_str(&laughs, "]\n");
        }
        assert_int_equal(yaml_parse(&arena, laughs.data, laughs.len, "b", &j, &em), -EINVAL);
        assert_says(em, "once its aliases are expanded");
        buf_add_fill(&deep, '[', 5000);
        assert_int_equal(yaml_parse(&arena, deep.data, deep.len, "b", &j, &em), -EINVAL);
        assert_says(em, "levels of nesting");
        buf_add_str(&nested, "- &n0 []\n");
        for (int i = 1; i < 70; i++)
                buf_printf(&nested, "- &n%d [*n%d]\n", i, i - 1);
        assert_int_equal(yaml_parse(&arena, nested.data, nested.len, "b", &j, &em), -EINVAL);
        assert_says(em, "levels of nesting");
        buf_reset(&deep);
        buf_add_fill(&deep, ' ', YAML_SIZE_MAX + 1);
        assert_int_equal(yaml_parse(&arena, deep.data, deep.len, "b", &j, &em), -E2BIG);
}

static void streams(void **state) {
        static const char text[] = "a\n---\n- 1\n---\n";
        struct json *j;

        (void) state;
        assert_int_equal(yaml_parse_all(&arena, text, strlen(text), "t", &j, NULL), 0);
        assert_int_equal(j->len, 3);
        assert_string_equal(json_at(j, 0)->str, "a");
        assert_int_equal(json_at(j, 2)->type, JSON_NULL);
        assert_int_equal(yaml_parse_all(&arena, "", 0, "t", &j, NULL), 0);
        assert_int_equal(j->len, 0);
}

static void no_memory(void **state) {
        static const char text[] = "a: &x [1, 2]\nb: {<<: {c: d}, e: *x}\n";
        struct json *j;
        int r = -ENOMEM;

        (void) state;
        for (unsigned nth = 1; r == -ENOMEM; nth++) {
                _cleanup_(arena_done) struct arena a;

                assert_true(nth < 100);
                arena_init(&a, 0);
                fault_arm(FAULT_ALLOC, nth, 0, 1);
                r = yaml_parse(&a, text, strlen(text), "t", &j, NULL);
                fault_reset();
        }
        assert_int_equal(r, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                arena_test(documents), arena_test(tags),    arena_test(merges),
                arena_test(aliases),   arena_test(places),  arena_test(refusals_name_the_place),
                arena_test(bombs),     arena_test(streams), arena_test(no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
