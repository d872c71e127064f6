/* Known keys, keys without a meaning, typing errors. */
#include "tests/unit/pipelines_tree_fixture.h"

#include "daemons/scheduler/pipelines_keys.h"

static int check(struct pipelines_tree_fixture *f, const char *text) {
        return pipelines_keys_check(&f->context, pipelines_tree_fixture_parse(f, text),
                                    PIPELINES_KEYS_TASK, "a task");
}

static void test_keys(void **state) {
        struct pipelines_tree_fixture f;

        pipelines_tree_fixture_init(&f);
        assert_int_equal(check(&f, "{task: a, type: python, cmd: x, retries: 1}"), 0);
        assert_int_equal(f.result.n_messages, 0);
        assert_int_equal(check(&f, "\nmetrics: x"), 0);
        pipelines_tree_fixture_said(
                &f, true,
                "/p/f.yml:2:1: \"metrics\" is ignored: onebox publishes its own metrics "
                "at /metrics");
        assert_int_equal(check(&f, "\n\nzookeeper: x"), 0);
        pipelines_tree_fixture_said(
                &f, true,
                "/p/f.yml:3:1: \"zookeeper\" means nothing to a task here and is ignored");
        assert_int_equal(check(&f, "\n\n\nretires: 1"), PIPELINES_BAD);
        pipelines_tree_fixture_said(
                &f, false,
                "/p/f.yml:4:1: a task has no key \"retires\": did you mean \"retries\"?");
        assert_int_equal(check(&f, "\n\n\n\n[]"), PIPELINES_BAD);
        pipelines_tree_fixture_said(&f, false, "/p/f.yml:5:1: a task must be a map, not a list");
        pipelines_tree_fixture_done(&f);
}

/* All mistakes of a map are told at once. */
static void test_all_at_once(void **state) {
        struct pipelines_tree_fixture f;

        pipelines_tree_fixture_init(&f);
        assert_int_equal(check(&f, "retires: 1\npol: x\ncmdd: y\n"), PIPELINES_BAD);
        assert_int_equal(f.result.n_messages, 3);
        pipelines_tree_fixture_done(&f);
}

static void test_lists(void **state) {
        struct pipelines_tree_fixture f;

        pipelines_tree_fixture_init(&f);
        assert_int_equal(
                pipelines_keys_check_list(&f.context, NULL, PIPELINES_KEYS_IMAGE, "an image"), 0);
        assert_int_equal(
                pipelines_keys_check_list(
                        &f.context,
                        pipelines_tree_get(pipelines_tree_fixture_parse(&f, "images: x"), "images"),
                        PIPELINES_KEYS_IMAGE, "an image"),
                PIPELINES_BAD);
        pipelines_tree_fixture_said(&f, false,
                                    "/p/f.yml:1:1: \"images\" must be a list, not a string");
        pipelines_tree_fixture_done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_keys),
                cmocka_unit_test(test_all_at_once),
                cmocka_unit_test(test_lists),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
