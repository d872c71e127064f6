/* Restoring, ordering and forgetting. */
#include "tests/unit/core_fixture.h"

#include <errno.h>

static struct world w;

static usec_t at(unsigned s) {
        return CORE_FIXTURE_NOW + s * USEC_PER_SEC;
}

static int setup(void **state) {
        return world_init(&w, 8);
}

static int teardown(void **state) {
        world_done(&w);
        return 0;
}

/* What the database held is what the plan goes on from. */
static void test_restore(void **state) {
        static const char *const tasks[] = {"a", "b<a", "c<a", "d<b,c", NULL};
        struct world_dag *wd = core_fixture_put(&w, core_fixture_tasks("d", "", tasks));
        struct world_run *run;
        struct world_task *c;

        assert_int_equal(world_restore_run(&w, wd, wd->spec, "r", &run), 0);
        run->state = RUN_RUNNING;
        run->when = (struct timetable_run){at(0), at(0), at(0), at(0)};
        run->started_at = at(0);
        core_fixture_task(run, "a")->state = TASK_SUCCESS;
        core_fixture_task(run, "b")->state = TASK_SUCCESS;
        c = core_fixture_task(run, "c");
        c->state = TASK_RUNNING;
        c->try_number = 2;
        c->max_tries = 1;
        snprintf(c->try_id, sizeof(c->try_id), "x");
        assert_int_equal(world_restore_run_done(&w, run), 0);
        assert_int_equal(run->n_unfinished, 2);
        assert_int_equal(w.n_live, 1);
        assert_int_equal(wd->n_running_runs, 1);
        assert_int_equal(world_get_pool(&w, "default_pool")->n_used, 1);
        assert_int_equal(core_fixture_task(run, "d")->counts.n_success, 1);

        core_fixture_decide(&w, at(1));
        assert_int_equal(core_fixture_task(run, "d")->state, TASK_NONE);
        core_fixture_end(&w, c, WORLD_RESULT_SUCCESS, at(2));
        core_fixture_decide(&w, at(2));
        assert_int_equal(core_fixture_task(run, "d")->state, TASK_QUEUED);
        assert_int_equal(world_restore_run(&w, wd, wd->spec, "r", &run), -EEXIST);
}

static void test_runs_are_ordered_by_date(void **state) {
        static const char *const tasks[] = {"a", NULL};
        struct world_dag *wd = core_fixture_put(&w, core_fixture_tasks("d", "", tasks));
        struct world_run *late = core_fixture_run(&w, wd, "late", at(300));
        struct world_run *early = core_fixture_run(&w, wd, "early", at(100));
        struct world_run *mid = core_fixture_run(&w, wd, "mid", at(200));

        assert_ptr_equal(world_prev_run(late), mid);
        assert_ptr_equal(world_prev_run(mid), early);
        assert_null(world_prev_run(early));
        assert_ptr_equal(world_get_run(wd, "mid"), mid);
        assert_null(world_get_run(wd, "none"));
        assert_null(world_get_task(mid, "a", 3));
        assert_null(world_get_task(mid, "z", -1));
}

/* As in Airflow, a run without a date has no past and is nobody's. */
static void test_runs_without_a_date(void **state) {
        static const char *const tasks[] = {"a{\"depends_on_past\":true}", NULL};
        struct world_dag *wd = core_fixture_put(&w, core_fixture_tasks("d", "", tasks));
        struct world_run *first = core_fixture_run(&w, wd, "first", at(100)), *dateless, *second;
        struct world_event e = {.kind = WORLD_RUN_CREATED,
                                .at = at(200),
                                .dag = wd,
                                .run_id = "dateless",
                                .run_type = RUN_TYPE_MANUAL,
                                .when = {USEC_INFINITY, USEC_INFINITY, USEC_INFINITY, at(200)}};

        assert_int_equal(core_fixture_apply(&w, &e), 0);
        dateless = world_get_run(wd, "dateless");
        second = core_fixture_run(&w, wd, "second", at(300));
        assert_ptr_equal(world_prev_run(second), first);
        assert_ptr_equal(world_next_of(first), second);
        assert_null(world_prev_run(dateless));
        assert_null(world_next_of(dateless));
        core_fixture_decide(&w, at(300));
        assert_int_equal(core_fixture_task(dateless, "a")->state, TASK_QUEUED);
        assert_int_equal(core_fixture_task(second, "a")->state, TASK_NONE);
        core_fixture_end(&w, core_fixture_task(dateless, "a"), WORLD_RESULT_FAILED, at(301));
        core_fixture_decide(&w, at(301));
        assert_true(world_may_forget_run(dateless));
        assert_int_equal(core_fixture_task(second, "a")->state, TASK_NONE);
        core_fixture_end(&w, core_fixture_task(first, "a"), WORLD_RESULT_SUCCESS, at(302));
        core_fixture_decide(&w, at(302));
        assert_int_equal(core_fixture_task(second, "a")->state, TASK_QUEUED);
}

/* A run that is made late for an early date is the past of the one after it. */
static void test_past_that_comes_late(void **state) {
        static const char *const tasks[] = {"a{\"depends_on_past\":true}", NULL};
        struct world_dag *wd =
                core_fixture_put(&w, core_fixture_tasks("d", "\"max_active_tasks\":1,", tasks));
        struct world_run *late, *early;

        assert_int_equal(world_put_pool(&w, "default_pool", 0), 0);
        late = core_fixture_run(&w, wd, "late", at(300));
        core_fixture_decide(&w, at(300));
        assert_int_equal(core_fixture_task(late, "a")->state, TASK_SCHEDULED);
        early = core_fixture_run(&w, wd, "early", at(100));
        core_fixture_decide(&w, at(301));
        assert_int_equal(world_put_pool(&w, "default_pool", 9), 0);
        core_fixture_decide(&w, at(302));
        assert_int_equal(core_fixture_task(early, "a")->state, TASK_QUEUED);
        assert_int_equal(core_fixture_task(late, "a")->state, TASK_SCHEDULED);
        core_fixture_end(&w, core_fixture_task(early, "a"), WORLD_RESULT_SUCCESS, at(303));
        core_fixture_decide(&w, at(303));
        assert_int_equal(core_fixture_task(late, "a")->state, TASK_QUEUED);
}

/* A run goes on with the tasks it began with. */
static void test_new_version_leaves_runs_alone(void **state) {
        static const char *const one[] = {"a", NULL}, *const two[] = {"a", "b<a", NULL};
        struct world_dag *wd = core_fixture_put(&w, core_fixture_tasks("d", "", one)), *again;
        struct world_run *old = core_fixture_run(&w, wd, "old", at(0));

        again = core_fixture_put(&w, core_fixture_tasks("d", "", two));
        assert_ptr_equal(again, wd);
        assert_int_equal(old->spec->n_tasks, 1);
        assert_int_equal(core_fixture_run(&w, wd, "new", at(1))->spec->n_tasks, 2);
        core_fixture_decide(&w, at(1));
        core_fixture_end(&w, core_fixture_task(old, "a"), WORLD_RESULT_SUCCESS, at(2));
        core_fixture_decide(&w, at(2));
        assert_int_equal(old->state, RUN_SUCCESS);
}

static void finish(struct world_run *run, unsigned s) {
        core_fixture_end(&w, core_fixture_task(run, "a"), WORLD_RESULT_SUCCESS, at(s));
        core_fixture_decide(&w, at(s));
}

static void test_sweep(void **state) {
        static const char *const plain[] = {"a", NULL};
        static const char *const past[] = {"a{\"depends_on_past\":true}", NULL};
        struct world_dag *p = core_fixture_put(&w, core_fixture_tasks("p", "", plain));
        struct world_dag *d = core_fixture_put(&w, core_fixture_tasks("d", "", past));
        struct world_run *r1, *r2;

        finish((core_fixture_run(&w, p, "r1", at(1)), core_fixture_decide(&w, at(1)),
                world_get_run(p, "r1")),
               2);
        world_sweep(&w, p);
        assert_null(world_get_run(p, "r1"));

        r1 = core_fixture_run(&w, d, "r1", at(1));
        core_fixture_decide(&w, at(1));
        finish(r1, 2);
        world_sweep(&w, d);
        assert_non_null(world_get_run(d, "r1")); /* the next one will ask */
        r2 = core_fixture_run(&w, d, "r2", at(10));
        core_fixture_decide(&w, at(10));
        world_sweep(&w, d);
        assert_non_null(world_get_run(d, "r1"));
        finish(r2, 11);
        world_sweep(&w, d);
        assert_null(world_get_run(d, "r1"));
        assert_non_null(world_get_run(d, "r2"));
}

static void test_next_run_is_known_again(void **state) {
        static const char *const tasks[] = {"a", NULL};
        struct world_dag *wd = core_fixture_put(
                &w,
                core_fixture_tasks("d", "\"schedule\":\"0 0 * * *\",\"missed\":\"last\",", tasks));
        struct timetable_run run;

        assert_int_equal(world_next_run(wd, at(60), &run), 0);
        assert_true(run.run_after_at == at(0)); /* only just past */
        world_set_last(wd, &run);
        assert_int_equal(world_next_run(wd, at(60), &run), 0);
        assert_true(run.run_after_at == at(86400));
        assert_int_equal(world_next_run(wd, at(5 * 86400 + 7), &run), 0);
        assert_true(run.run_after_at == at(5 * 86400)); /* the days between are missed */
}

static void test_bad_schedule_is_refused(void **state) {
        struct dag d = {.id = "x", .schedule = {.kind = DAG_SCHEDULE_CRON, .cron = "bad"}};
        struct world_dag *wd = NULL;
        struct errmsg em = {};

        d.n_refs = 1;
        assert_int_equal(world_put_dag(&w, &d, zone_utc(), &wd, &em), -EINVAL);
        assert_null(wd);
        assert_null(world_get_dag(&w, "x"));
        assert_non_null(strstr(em.text, "fields"));
}

#define ON(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                ON(test_restore),
                ON(test_runs_are_ordered_by_date),
                ON(test_runs_without_a_date),
                ON(test_past_that_comes_late),
                ON(test_new_version_leaves_runs_alone),
                ON(test_sweep),
                ON(test_next_run_is_known_again),
                ON(test_bad_schedule_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
