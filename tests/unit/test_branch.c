/* Who is skipped by what a task returned. */
#include "tests/unit/core_fixture.h"

#include "daemons/scheduler/core/branch.h"
#include "lib/base/json.h"
#include "lib/base/str.h"

static const char *const tasks[] = {"w{\"decides\":\"branch\"}",
                                    "a<w",
                                    "b<w{\"group\":\"g\"}",
                                    "c<a,b",
                                    "d<c",
                                    "join<w,a",
                                    NULL};

/* "a,b" of the tasks that are skipped, or "error". */
static const char *skipped(struct dag *d, const char *task, const char *value) {
        static char text[256];
        struct errmsg em = {};
        unsigned *list = NULL;
        struct json *j = NULL;
        struct arena a;
        size_t n = 0;

        text[0] = 0;
        arena_init(&a, 0);
        if (value)
                assert_int_equal(json_parse_copy(&a, value, strlen(value), &j, NULL), 0);
        if (branch_skips(d, dag_get_task(d, task), j, &list, &n, &em) < 0)
                snprintf(text, sizeof(text), "error");
        for (size_t i = 0; i < n; i++)
                snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? "," : "",
                         d->tasks[list[i]].id);
        mem_free(list);
        arena_done(&a);
        return text;
}

static void test_branch(void **state) {
        struct dag *d = core_fixture_tasks("d", "\"groups\":[{\"id\":\"g\"}],", tasks);

        assert_string_equal(skipped(d, "w", "\"a\""), "b"); /* join comes after a */
        assert_string_equal(skipped(d, "w", "\"b\""), "a,join");
        assert_string_equal(skipped(d, "w", "[\"a\",\"b\"]"), "");
        assert_string_equal(skipped(d, "w", "\"g\""), "a,join");
        assert_string_equal(skipped(d, "w", "\"join\""), "a,b");
        assert_string_equal(skipped(d, "w", "null"), "a,b,join");
        assert_string_equal(skipped(d, "w", "[]"), "a,b,join");
        assert_string_equal(skipped(d, "w", "\"c\""), "error");
        assert_string_equal(skipped(d, "w", "7"), "error");
        assert_string_equal(skipped(d, "a", "\"x\""), ""); /* it decides nothing */
        dag_unref(d);
}

static void test_short_circuit(void **state) {
        static const char *const all[] = {"s{\"decides\":\"short_circuit\"}",
                                          "a<s",
                                          "b<a",
                                          "x",
                                          "c<b,x{\"trigger_rule\":\"all_done\"}",
                                          "t<c{\"teardown\":true}",
                                          NULL};
        static const char *const direct[] = {
                "s{\"decides\":\"short_circuit\",\"keeps_downstream_rules\":true}", "a<s", "b<a",
                NULL};
        struct dag *d = core_fixture_tasks("d", "", all);

        assert_string_equal(skipped(d, "s", "true"), "");
        assert_string_equal(skipped(d, "s", "\"yes\""), "");
        assert_string_equal(skipped(d, "s", "false"), "a,b,c");
        assert_string_equal(skipped(d, "s", NULL), "a,b,c");
        dag_unref(d);
        d = core_fixture_tasks("d", "", direct);
        assert_string_equal(skipped(d, "s", "0"), "a");
        dag_unref(d);
}

static void test_false(void **state) {
        static const char *const no[] = {"null",      "false", "0",  "0.0", "\"\"",
                                         "\"False\"", "\"0\"", "[]", "{}"};
        static const char *const yes[] = {"true", "1", "-0.5", "\"x\"", "[0]", "{\"a\":null}"};

        for (size_t i = 0; i < ARRAY_SIZE(no) + ARRAY_SIZE(yes); i++) {
                bool is_no = i < ARRAY_SIZE(no);
                const char *text = is_no ? no[i] : yes[i - ARRAY_SIZE(no)];
                struct json *j;
                struct arena a;

                arena_init(&a, 0);
                assert_int_equal(json_parse_copy(&a, text, strlen(text), &j, NULL), 0);
                assert_int_equal(branch_is_false(j), is_no);
                arena_done(&a);
        }
        assert_true(branch_is_false(NULL));
}

/* The decision holds until the task itself is cleared. */
static void test_skipped_stays_skipped(void **state) {
        struct world_task *w_task, *b, *d_task;
        struct world_event e;
        unsigned skips[] = {2};
        struct world_run *run;
        struct world w;

        assert_int_equal(world_init(&w, 9), 0);
        run = core_fixture_run(
                &w,
                core_fixture_put(&w,
                                 core_fixture_tasks("d", "\"groups\":[{\"id\":\"g\"}],", tasks)),
                "r", CORE_FIXTURE_NOW);
        w_task = core_fixture_task(run, "w");
        b = core_fixture_task(run, "b");
        d_task = core_fixture_task(run, "d");
        core_fixture_decide(&w, CORE_FIXTURE_NOW);
        e = (struct world_event){.kind = WORLD_TRY_ENDED,
                                 .at = CORE_FIXTURE_NOW,
                                 .task = w_task,
                                 .try_id = w_task->try_id,
                                 .skips = skips,
                                 .n_skips = 1};
        assert_int_equal(core_fixture_apply(&w, &e), 0);
        core_fixture_decide(&w, CORE_FIXTURE_NOW);
        assert_int_equal(b->state, TASK_SKIPPED);

        e = (struct world_event){.kind = WORLD_TASK_CLEARED, .at = CORE_FIXTURE_NOW, .task = b};
        assert_int_equal(core_fixture_apply(&w, &e), 0);
        core_fixture_decide(&w, CORE_FIXTURE_NOW);
        assert_int_equal(b->state, TASK_SKIPPED);

        e.task = w_task;
        assert_int_equal(core_fixture_apply(&w, &e), 0);
        assert_int_equal(b->n_skippers, 0);
        assert_int_equal(w_task->n_skips, 0);
        assert_int_equal(d_task->n_skippers, 0);
        world_done(&w);
}

int main(void) {
        const struct CMUnitTest tests_[] = {
                cmocka_unit_test(test_branch),
                cmocka_unit_test(test_short_circuit),
                cmocka_unit_test(test_false),
                cmocka_unit_test(test_skipped_stays_skipped),
        };

        return cmocka_run_group_tests(tests_, NULL, NULL);
}
