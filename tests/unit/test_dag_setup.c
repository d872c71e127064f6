/* Setups and teardowns, as Airflow's trigger_rule_dep.py and dagrun.py have them. */
#include "tests/unit/core_fixture.h"

#include "lib/base/str.h"

static const char *names(const struct dag *d, const unsigned *list, size_t n) {
        static char text[256];

        text[0] = 0;
        for (size_t i = 0; i < n; i++)
                snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? "," : "",
                         d->tasks[list[i]].id);
        return text;
}

static const char *guards(const struct dag *d, const char *id) {
        const struct dag_task *t = dag_get_task(d, id);

        return names(d, t->guards, t->n_guards);
}

static const char *const scope[] = {"s{\"setup\":true}",        "a<s",       "b<a",
                                    "t<s,b{\"teardown\":true}", "after<b,t", NULL};

static void test_guards(void **state) {
        struct dag *d = core_fixture_tasks("d", "", scope);

        assert_string_equal(guards(d, "a"), "");     /* direct: its rule sees to it */
        assert_string_equal(guards(d, "b"), "s");    /* indirect, and its teardown comes behind */
        assert_string_equal(guards(d, "t"), "a");    /* in its scope, and not direct */
        assert_string_equal(guards(d, "after"), ""); /* behind the teardown */
        assert_string_equal(names(d, dag_get_task(d, "s")->guarded, 1), "b");
        assert_int_equal(dag_get_task(d, "t")->rule, RULE_ALL_DONE_SETUP_SUCCESS);
        assert_string_equal(names(d, d->leaves, d->n_leaves), "after");
        dag_unref(d);
}

static void test_leaves(void **state) {
        static const char *const plain[] = {"s{\"setup\":true}", "a<s", "t<a{\"teardown\":true}",
                                            NULL};
        static const char *const strict[] = {
                "a", "t<a{\"teardown\":true,\"on_failure_fail_dagrun\":true}", NULL};
        static const char *const only[] = {"t{\"teardown\":true}", NULL};
        struct dag *d = core_fixture_tasks("d", "", plain);

        assert_string_equal(names(d, d->leaves, d->n_leaves), "a");
        dag_unref(d);
        d = core_fixture_tasks("d", "", strict);
        assert_string_equal(names(d, d->leaves, d->n_leaves), "t");
        dag_unref(d);
        d = core_fixture_tasks("d", "", only);
        assert_string_equal(names(d, d->leaves, d->n_leaves), "t");
        dag_unref(d);
}

static struct world_run *start(struct world *w, const char *const *tasks) {
        struct world_run *run;

        assert_int_equal(world_init(w, 9), 0);
        run = core_fixture_run(w, core_fixture_put(w, core_fixture_tasks("d", "", tasks)), "r",
                               CORE_FIXTURE_NOW);
        core_fixture_decide(w, CORE_FIXTURE_NOW);
        return run;
}

static void end(struct world *w, struct world_run *run, const char *id, enum world_result result) {
        core_fixture_end(w, core_fixture_task(run, id), result, CORE_FIXTURE_NOW);
        core_fixture_decide(w, CORE_FIXTURE_NOW);
}

/* A failed setup: what stands on it fails with it, its teardown is not needed. */
static void test_setup_fails(void **state) {
        struct world_run *run;
        struct world w;

        run = start(&w, scope);
        end(&w, run, "s", WORLD_RESULT_FAILED);
        assert_int_equal(core_fixture_task(run, "b")->state, TASK_UPSTREAM_FAILED);
        assert_int_equal(core_fixture_task(run, "t")->state, TASK_UPSTREAM_FAILED);
        assert_int_equal(run->state, RUN_FAILED);
        world_done(&w);
}

/* A failed task: the teardown runs all the same, and its success does not save the run. */
static void test_teardown_runs_anyway(void **state) {
        static const char *const tasks[] = {"s{\"setup\":true}", "a<s", "t<s,a{\"teardown\":true}",
                                            NULL};
        struct world_run *run;
        struct world w;

        run = start(&w, tasks);
        end(&w, run, "s", WORLD_RESULT_SUCCESS);
        end(&w, run, "a", WORLD_RESULT_FAILED);
        assert_int_equal(core_fixture_task(run, "t")->state, TASK_QUEUED);
        end(&w, run, "t", WORLD_RESULT_SUCCESS);
        assert_int_equal(run->state, RUN_FAILED);
        world_done(&w);
}

/* A failed teardown is the run's failure only where that was asked for. */
static void test_teardown_fails(void **state) {
        static const char *const tasks[] = {"a", "t<a{\"teardown\":true}", NULL};
        struct world_run *run;
        struct world w;

        run = start(&w, tasks);
        end(&w, run, "a", WORLD_RESULT_SUCCESS);
        end(&w, run, "t", WORLD_RESULT_FAILED);
        assert_int_equal(run->state, RUN_SUCCESS);
        world_done(&w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_guards),         cmocka_unit_test(test_leaves),
                cmocka_unit_test(test_setup_fails),    cmocka_unit_test(test_teardown_runs_anyway),
                cmocka_unit_test(test_teardown_fails),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
