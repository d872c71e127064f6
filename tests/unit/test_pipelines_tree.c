/* Trees laid over one another. */
#include "tests/unit/pipelines_tree_fixture.h"

#include "daemons/scheduler/pipelines_emit.h"
#include "lib/base/buf.h"

static void expect(const struct pipelines_node *node, const char *expected) {
        _cleanup_buf_ struct buf out = {};
        struct json_write w;

        json_write_init(&w, &out, 0);
        pipelines_emit_node(&w, node);
        assert_int_equal(json_write_finish(&w), 0);
        assert_string_equal(buf_cstr(&out), expected);
}

static void test_places(void **state) {
        struct pipelines_tree_fixture f;
        const struct pipelines_node *n;

        pipelines_tree_fixture_init(&f);
        n = pipelines_tree_fixture_parse(&f, "a: 1\nb:\n  - x\n  - {c: ~}\n");
        assert_int_equal(n->n, 2);
        n = pipelines_tree_get(n, "b");
        assert_int_equal(n->line, 2); /* of its key */
        assert_int_equal(n->first->line, 3);
        assert_int_equal(n->first->column, 5);
        assert_string_equal(n->first->file, "/p/f.yml");
        assert_null(pipelines_tree_get(n->first->next, "c")); /* null is as good as none */
        assert_null(pipelines_tree_get(n->first, "c"));
        assert_null(pipelines_tree_get(NULL, "c"));
        pipelines_tree_fixture_done(&f);
}

static void test_text_is_python_s(void **state) {
        struct pipelines_tree_fixture f;
        const struct pipelines_node *n;

        pipelines_tree_fixture_init(&f);
        n = pipelines_tree_fixture_parse(&f, "{a: yes, b: off, c: 1.50, d: 017, e: '7', f: []}");
        assert_string_equal(pipelines_tree_text(pipelines_tree_get(n, "a")), "True");
        assert_string_equal(pipelines_tree_text(pipelines_tree_get(n, "b")), "False");
        assert_string_equal(pipelines_tree_text(pipelines_tree_get(n, "d")), "15");
        assert_string_equal(pipelines_tree_text(pipelines_tree_get(n, "e")), "7");
        assert_null(pipelines_tree_text(pipelines_tree_get(n, "f")));
        pipelines_tree_fixture_done(&f);
}

static void test_merge(void **state) {
        struct pipelines_tree_fixture f;
        const struct pipelines_node *under, *over;

        pipelines_tree_fixture_init(&f);
        under = pipelines_tree_fixture_parse(&f, "{a: 1, m: {x: 1, y: 1}, l: [1, 2], k: {z: 1}}");
        over = pipelines_tree_fixture_parse(&f, "{m: {y: 2, w: 2}, l: [3], k: flat, n: 2}");
        expect(pipelines_tree_merge(&f.arena, under, over),
               "{\"a\":1,\"m\":{\"x\":1,\"y\":2,\"w\":2},\"l\":[3],\"k\":\"flat\",\"n\":2}");
        expect(pipelines_tree_merge(&f.arena, NULL, over),
               "{\"m\":{\"y\":2,\"w\":2},\"l\":[3],\"k\":\"flat\",\"n\":2}");
        expect(under,
               "{\"a\":1,\"m\":{\"x\":1,\"y\":1},\"l\":[1,2],\"k\":{\"z\":1}}"); /* untouched */
        assert_null(pipelines_tree_merge(&f.arena, NULL, NULL));
        pipelines_tree_fixture_done(&f);
}

static void test_merge_named_join_without(void **state) {
        struct pipelines_tree_fixture f;
        const struct pipelines_node *under, *over;

        pipelines_tree_fixture_init(&f);
        under = pipelines_tree_fixture_parse(&f, "[{i: a, x: 1}, {i: b}, {x: no name}]");
        over = pipelines_tree_fixture_parse(&f, "[{i: c}, {i: a, x: 2, y: 3}]");
        expect(pipelines_tree_merge_named(&f.arena, "i", under, over),
               "[{\"i\":\"a\",\"x\":2,\"y\":3},{\"i\":\"b\"},{\"x\":\"no name\"},{\"i\":\"c\"}]");
        expect(pipelines_tree_join(&f.arena, over, under->first->next),
               "[{\"i\":\"c\"},{\"i\":\"a\",\"x\":2,\"y\":3},\"b\"]");
        expect(pipelines_tree_without(&f.arena, under->first, "i"), "{\"x\":1}");
        assert_ptr_equal(pipelines_tree_without(&f.arena, under->first, "none"), under->first);
        pipelines_tree_fixture_done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_places),
                cmocka_unit_test(test_text_is_python_s),
                cmocka_unit_test(test_merge),
                cmocka_unit_test(test_merge_named_join_without),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
