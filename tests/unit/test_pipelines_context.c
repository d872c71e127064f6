/* Messages, values with placeholders, paths. */
#include "tests/unit/pipelines_tree_fixture.h"

static void test_messages(void **state) {
        struct pipelines_tree_fixture f;
        const struct pipelines_node *n;

        pipelines_tree_fixture_init(&f);
        n = pipelines_tree_fixture_parse(&f, "a: 1\nb: 2\n");
        assert_int_equal(pipelines_context_error(&f.context, n->first, "is %d", 1), PIPELINES_BAD);
        pipelines_tree_fixture_said(&f, false, "/p/f.yml:1:1: is 1");
        assert_int_equal(pipelines_context_warn(&f.context, n->first->next, "is %d", 2), 0);
        pipelines_tree_fixture_said(&f, true, "/p/f.yml:2:1: is 2");
        assert_int_equal(pipelines_context_error(&f.context, n->first, "again"), PIPELINES_BAD);
        assert_int_equal(f.result.n_messages, 2); /* each place once */
        assert_int_equal(pipelines_context_warn(&f.context, n->first, "but a warning"), 0);
        assert_int_equal(f.result.n_messages, 3);
        assert_string_equal(f.result.messages[0].file, "/p/f.yml");
        pipelines_tree_fixture_done(&f);
}

static void test_text(void **state) {
        struct pipelines_tree_fixture f;
        const struct pipelines_node *n;
        const char *text = NULL;

        pipelines_tree_fixture_init(&f);
        f.config.variables =
                pipelines_tree_fixture_parse(&f, "{x: 1, on: yes, m: {y: 2}, s: '{{s}}'}");
        n = pipelines_tree_fixture_parse(
                &f, "{a: 'v{{x}}', b: '{{on}} {{m}} {{ds}}', c: [1], d: '{{s}}', e: 2.5}");
        assert_int_equal(pipelines_context_get(&f.context, &f.config, n, "a", &text), 0);
        assert_string_equal(text, "v1");
        assert_int_equal(pipelines_context_get(&f.context, &f.config, n, "b", &text), 0);
        assert_string_equal(text, "True {{m}} {{ds}}");
        assert_int_equal(pipelines_context_get(&f.context, &f.config, n, "e", &text), 0);
        assert_string_equal(text, "2.5");
        assert_int_equal(pipelines_context_get(&f.context, &f.config, n, "none", &text), 0);
        assert_string_equal(text, "2.5"); /* untouched */
        assert_int_equal(pipelines_context_get(&f.context, &f.config, n, "c", &text),
                         PIPELINES_BAD);
        pipelines_tree_fixture_said(&f, false, "/p/f.yml:1:41: c must be one value, not a list");
        assert_int_equal(pipelines_context_get(&f.context, &f.config, n, "d", &text),
                         PIPELINES_BAD);
        pipelines_tree_fixture_done(&f);
}

static void expect_path(struct pipelines_tree_fixture *f, const char *path, const char *expected) {
        const struct pipelines_node at = {.file = "/p/sub/f.yml"};
        const char *found = NULL;

        assert_int_equal(pipelines_context_path(&f->context, &at, path, &found), 0);
        assert_string_equal(found, expected);
}

static void test_paths(void **state) {
        struct pipelines_tree_fixture f;

        pipelines_tree_fixture_init(&f);
        expect_path(&f, ".", "/p/sub");
        expect_path(&f, "a//b/./c/", "/p/sub/a/b/c");
        expect_path(&f, "../x", "/p/x");
        expect_path(&f, "../../../../x", "/x");
        expect_path(&f, "/abs/../olute", "/olute");
        expect_path(&f, "/", "/");
        expect_path(&f, "..a/...", "/p/sub/..a/...");
        pipelines_tree_fixture_done(&f);
}

static void test_named(void **state) {
        struct pipelines_tree_fixture f;
        const struct pipelines_node *list;

        pipelines_tree_fixture_init(&f);
        list = pipelines_tree_fixture_parse(&f, "[{i: a}, {i: 7}, x]");
        assert_ptr_equal(pipelines_context_named(list, "i", "7"), list->first->next);
        assert_null(pipelines_context_named(list, "i", "b"));
        assert_null(pipelines_context_named(NULL, "i", "b"));
        assert_string_equal(pipelines_context_kind(list), "a list");
        assert_string_equal(pipelines_context_kind(NULL), "nothing");
        pipelines_tree_fixture_done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_messages),
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_paths),
                cmocka_unit_test(test_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
