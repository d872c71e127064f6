/* Words and trees of GraphQL requests. */
#include "daemons/tracking/graphql_parse.h"

#include "tests/unit/tracking_test.h"

static struct arena arena;

static const struct graphql_definition *parse(const char *text) {
        struct refusal r = {.arena = &arena};
        struct graphql_definition *d = NULL;

        assert_int_equal(graphql_parse(text, &r, &d), 0);
        return d;
}

static void test_tree(void **state) {
        const struct graphql_definition *d = parse(
                "query Q($a: [Int!]! = [1], $b: T) @c(d: 1.5e3) { x: y(z: {k: [\"s\", E, true, "
                "null, -4, $b]}) { ... on T { u } ...F } } # end\nfragment F on T { v }");
        const struct graphql_selection *s = d->selections;
        const struct graphql_value *v = s->arguments->items->items;

        assert_int_equal(d->kind, GRAPHQL_QUERY);
        assert_string_equal(d->name, "Q");
        assert_string_equal(d->variables->type_text, "[Int!]!");
        assert_true(d->variables->is_list && d->variables->is_needed);
        assert_false(d->variables->next->is_needed);
        assert_string_equal(d->directives->arguments->text, "1.5e3");
        assert_string_equal(s->alias, "x");
        assert_string_equal(s->name, "y");
        assert_string_equal(v->text, "s");
        assert_int_equal(v->next->kind, GRAPHQL_ENUM);
        assert_int_equal(v->next->next->kind, GRAPHQL_BOOLEAN);
        assert_int_equal(v->next->next->next->kind, GRAPHQL_NULL);
        assert_string_equal(v->next->next->next->next->text, "-4");
        assert_int_equal(v->next->next->next->next->next->kind, GRAPHQL_VARIABLE);
        assert_int_equal(s->selections->kind, GRAPHQL_INLINE);
        assert_int_equal(s->selections->next->kind, GRAPHQL_SPREAD);
        assert_int_equal(d->next->kind, GRAPHQL_FRAGMENT);
        assert_null(d->next->next);
}

static void test_strings(void **state) {
        const struct graphql_definition *d = parse(
                "{ a(x: \"\\u00e4\\ud83d\\ude00\\n\\\"\\\\\", y: \"\"\"b\"c\"\"\", z: \"\") }");
        const struct graphql_value *v = d->selections->arguments;

        assert_string_equal(v->text, "ä😀\n\"\\");
        assert_string_equal(v->next->text, "b\"c");
        assert_string_equal(v->next->next->text, "");
}

static void test_refused(void **state) {
        static const char *const bad[] = {
                "",
                "{",
                "{}",
                "{ a(: 1) }",
                "{ a(b: 01) }",
                "{ a(b: 1.) }",
                "{ a(b: 1x) }",
                "{ a(b: \"\\ud800\") }",
                "{ a(b: \"\\x\") }",
                "{ a(b: \"",
                "query ($a) { b }",
                "fragment on on T { a }",
                "type T { a: B }",
                "{ a } }",
                "{ a(b: \"\"\"x) }",
                "\001",
        };
        struct refusal r = {.arena = &arena};
        struct graphql_definition *d;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                assert_int_equal(graphql_parse(bad[i], &r, &d), REFUSED);
                assert_memory_equal(r.text, "Syntax Error: ", 14);
        }
}

static void test_depth(void **state) {
        _cleanup_buf_ struct buf q = {};
        struct refusal r = {.arena = &arena};
        struct graphql_definition *d;

        buf_add_str(&q, "{ a(b: ");
        buf_add_fill(&q, '[', 10000);
        assert_int_equal(graphql_parse(buf_cstr(&q), &r, &d), REFUSED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tree),
                cmocka_unit_test(test_strings),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_depth),
        };
        int r;

        arena_init(&arena, 0);
        r = cmocka_run_group_tests(tests, NULL, NULL);
        arena_done(&arena);
        return r;
}
