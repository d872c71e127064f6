/* The decision: limits, order, time limits, runs, and what it costs. */
#include "tests/unit/core_fixture.h"

#include <errno.h>
#include <time.h>

static struct world w;

static usec_t at(unsigned s) {
        return CORE_FIXTURE_NOW + s * USEC_PER_SEC;
}

static int setup(void **state) {
        return world_init(&w, 3);
}

static int teardown(void **state) {
        world_done(&w);
        return 0;
}

static unsigned count(const struct world_run *run, enum task_state s) {
        unsigned n = 0;

        for (size_t i = 0; i < run->spec->n_tasks; i++)
                n += run->tasks[i].state == s;
        return n;
}

static struct world_run *start(const char *id, const char *head, const char *const *tasks) {
        struct world_dag *wd = core_fixture_put(&w, core_fixture_tasks(id, head, tasks));
        struct world_run *run = core_fixture_run(&w, wd, "r", at(0));

        core_fixture_decide(&w, at(0));
        return run;
}

static void test_parallelism(void **state) {
        static const char *const tasks[] = {"a", "b", "c", "d", "e", NULL};
        struct world_run *run = start("d", "", tasks);

        assert_int_equal(count(run, TASK_QUEUED), 3);
        assert_int_equal(count(run, TASK_SCHEDULED), 2); /* they show that they could */
        core_fixture_end(&w, core_fixture_task(run, "a"), WORLD_RESULT_SUCCESS, at(1));
        core_fixture_decide(&w, at(1));
        assert_int_equal(count(run, TASK_QUEUED), 3);
        assert_int_equal(core_fixture_task(run, "d")->state, TASK_QUEUED);
}

static void test_max_active_tasks_is_per_run(void **state) {
        static const char *const tasks[] = {"a", "b", NULL};
        struct world_run *run = start("d", "\"max_active_tasks\":1,", tasks), *other;

        other = core_fixture_run(&w, run->dag, "r2", at(1));
        core_fixture_decide(&w, at(1));
        assert_int_equal(count(run, TASK_QUEUED), 1);
        assert_int_equal(count(other, TASK_QUEUED), 1);
        assert_int_equal(count(other, TASK_SCHEDULED), 1);
}

static void test_pools(void **state) {
        static const char *const tasks[] = {"a{\"pool\":\"gpu\",\"pool_slots\":2}",
                                            "b{\"pool\":\"gpu\"}",
                                            "c{\"pool\":\"gpu\"}",
                                            "d{\"pool\":\"none\"}",
                                            "e",
                                            NULL};
        struct world_run *run;

        assert_int_equal(world_put_pool(&w, "gpu", 2), 0);
        run = start("d", "", tasks);
        assert_int_equal(core_fixture_task(run, "a")->state, TASK_QUEUED);
        assert_int_equal(core_fixture_task(run, "b")->state, TASK_SCHEDULED);
        assert_int_equal(core_fixture_task(run, "d")->state, TASK_SCHEDULED);
        assert_int_equal(core_fixture_task(run, "e")->state, TASK_QUEUED); /* passes them */
        assert_int_equal(world_get_pool(&w, "gpu")->n_used, 2);
        core_fixture_end(&w, core_fixture_task(run, "a"), WORLD_RESULT_SUCCESS, at(1));
        core_fixture_decide(&w, at(1));
        assert_int_equal(core_fixture_task(run, "b")->state, TASK_QUEUED);
        assert_int_equal(core_fixture_task(run, "c")->state, TASK_QUEUED);

        core_fixture_end(&w, core_fixture_task(run, "e"), WORLD_RESULT_SUCCESS, at(2));
        assert_int_equal(world_put_pool(&w, "none", 1), 0);
        core_fixture_decide(&w, at(2));
        assert_int_equal(core_fixture_task(run, "d")->state, TASK_QUEUED);
}

static void test_heavier_goes_first(void **state) {
        static const char *const light[] = {"a", "b", "c", "d", NULL};
        static const char *const heavy[] = {"x{\"priority_weight\":10}", NULL};
        struct world_run *run = start("light", "", light), *other;

        other = start("heavy", "", heavy);
        assert_int_equal(count(other, TASK_SCHEDULED), 1);
        core_fixture_end(&w, core_fixture_task(run, "b"), WORLD_RESULT_SUCCESS, at(1));
        core_fixture_decide(&w, at(1));
        assert_int_equal(count(other, TASK_QUEUED), 1);
        assert_int_equal(core_fixture_task(run, "d")->state, TASK_SCHEDULED);
}

static void test_execution_timeout(void **state) {
        static const char *const tasks[] = {"a{\"execution_timeout\":60}", NULL};
        struct world_run *run;
        struct world_task *a;

        w.timeout_slack_for = 10 * USEC_PER_SEC;
        run = start("d", "", tasks);
        a = core_fixture_task(run, "a");
        assert_true(core_fixture_decide(&w, at(0)) == USEC_INFINITY); /* counts from its start */
        core_fixture_start(&w, a, at(5));
        assert_true(core_fixture_decide(&w, at(5)) == at(75));
        core_fixture_decide(&w, at(74));
        assert_int_equal(a->stop, WORLD_STOP_NONE);
        core_fixture_decide(&w, at(75));
        assert_int_equal(a->stop, WORLD_STOP_TIMEOUT);
        core_fixture_end(&w, a, WORLD_RESULT_STOPPED, at(76));
        core_fixture_decide(&w, at(76));
        assert_int_equal(a->state, TASK_FAILED);
        assert_int_equal(run->state, RUN_FAILED);
}

static void test_dagrun_timeout(void **state) {
        static const char *const tasks[] = {"a", "b<a", "c{\"retries\":3}", NULL};
        struct world_run *run = start("d", "\"dagrun_timeout\":100,", tasks);

        core_fixture_start(&w, core_fixture_task(run, "a"), at(1));
        core_fixture_end(&w, core_fixture_task(run, "c"), WORLD_RESULT_FAILED, at(2));
        assert_true(core_fixture_decide(&w, at(2)) == at(100));
        core_fixture_decide(&w, at(100));
        assert_int_equal(core_fixture_task(run, "b")->state, TASK_SKIPPED);
        assert_int_equal(core_fixture_task(run, "c")->state, TASK_SKIPPED);
        assert_int_equal(core_fixture_task(run, "a")->stop, WORLD_STOP_RUN_TIMEOUT);
        assert_int_equal(run->state, RUN_RUNNING); /* until its last process is gone */
        core_fixture_end(&w, core_fixture_task(run, "a"), WORLD_RESULT_STOPPED, at(101));
        core_fixture_decide(&w, at(101));
        assert_int_equal(core_fixture_task(run, "a")->state, TASK_SKIPPED);
        assert_int_equal(run->state, RUN_FAILED);
}

/* What could start at that very moment is skipped, not started. */
static void test_timed_out_run_starts_nothing(void **state) {
        static const char *const tasks[] = {"a", "b{\"pool\":\"small\"}", NULL};
        struct world_run *run;

        assert_int_equal(world_put_pool(&w, "small", 0), 0);
        run = start("d", "\"dagrun_timeout\":100,", tasks);
        assert_int_equal(core_fixture_task(run, "b")->state, TASK_SCHEDULED);
        assert_int_equal(world_put_pool(&w, "small", 1), 0);
        core_fixture_decide(&w, at(100));
        assert_int_equal(core_fixture_task(run, "b")->state, TASK_SKIPPED);
        assert_int_equal(core_fixture_task(run, "b")->try_number, 0);
}

/* The hours a machine was off are nobody's fault. */
static void test_night_does_not_count_for_dagrun_timeout(void **state) {
        static const char *const tasks[] = {"a", NULL};
        struct world_run *run = start("d", "\"dagrun_timeout\":100,", tasks);

        core_fixture_end(&w, core_fixture_task(run, "a"), WORLD_RESULT_INTERRUPTED, at(50));
        w.booted_at = at(30000);
        assert_true(core_fixture_decide(&w, at(30000)) == at(30100));
        assert_int_equal(core_fixture_task(run, "a")->state, TASK_QUEUED);
        assert_int_equal(run->state, RUN_RUNNING);
}

static void test_max_active_runs(void **state) {
        static const char *const tasks[] = {"a", NULL};
        struct world_run *run = start("d", "\"max_active_runs\":1,", tasks), *second, *third;

        second = core_fixture_run(&w, run->dag, "r2", at(1));
        third = core_fixture_run(&w, run->dag, "r3", at(2));
        core_fixture_decide(&w, at(2));
        assert_int_equal(second->state, RUN_QUEUED);
        core_fixture_end(&w, core_fixture_task(run, "a"), WORLD_RESULT_SUCCESS, at(3));
        core_fixture_decide(&w, at(3));
        assert_int_equal(run->state, RUN_SUCCESS);
        assert_int_equal(second->state, RUN_RUNNING);
        assert_int_equal(third->state, RUN_QUEUED);
}

static void test_depends_on_past(void **state) {
        static const char *const tasks[] = {"a{\"depends_on_past\":true}", "b", NULL};
        struct world_run *first = start("d", "", tasks), *second;

        second = core_fixture_run(&w, first->dag, "r2", at(60));
        core_fixture_decide(&w, at(60));
        assert_int_equal(core_fixture_task(second, "a")->state, TASK_NONE);
        core_fixture_end(&w, core_fixture_task(first, "b"), WORLD_RESULT_SUCCESS, at(61));
        core_fixture_end(&w, core_fixture_task(first, "a"), WORLD_RESULT_FAILED, at(61));
        core_fixture_decide(&w, at(61));
        assert_int_equal(first->state, RUN_FAILED);
        assert_int_equal(core_fixture_task(second, "a")->state, TASK_NONE);
        assert_false(world_may_forget_run(first)); /* somebody still asks */
        core_fixture_apply(&w, &(struct world_event){.kind = WORLD_TASK_MARKED,
                                                     .at = at(62),
                                                     .task = core_fixture_task(first, "a"),
                                                     .task_state = TASK_SKIPPED});
        core_fixture_decide(&w, at(62));
        assert_int_equal(core_fixture_task(second, "a")->state, TASK_QUEUED);
}

/* The next run waits for what stands directly behind its past. */
static void test_wait_for_downstream(void **state) {
        static const char *const tasks[] = {"a{\"wait_for_downstream\":true}", "b<a", "c<b", NULL};
        struct world_run *run = start("d", "", tasks), *next;

        next = core_fixture_run(&w, run->dag, "r2", at(1));
        core_fixture_end(&w, core_fixture_task(run, "a"), WORLD_RESULT_SUCCESS, at(1));
        core_fixture_decide(&w, at(1));
        assert_int_equal(core_fixture_task(next, "a")->state, TASK_NONE);
        core_fixture_end(&w, core_fixture_task(run, "b"), WORLD_RESULT_SUCCESS, at(2));
        core_fixture_decide(&w, at(2));
        assert_int_equal(core_fixture_task(next, "a")->state, TASK_QUEUED);
}

static void test_instances_of_one_task(void **state) {
        static const char *const tasks[] = {
                "a{\"max_active_tis_per_dag\":1}",
                "m{\"max_active_tis_per_dagrun\":1,\"expand\":{\"x\":[1,2,3]}}", NULL};
        struct world_run *run = start("d", "", tasks), *other;
        struct world_task *m = core_fixture_task(run, "m");

        w.parallelism = 9;
        other = core_fixture_run(&w, run->dag, "r2", at(1));
        core_fixture_decide(&w, at(1));
        assert_int_equal(core_fixture_task(run, "a")->state, TASK_QUEUED);
        assert_int_equal(core_fixture_task(other, "a")->state, TASK_SCHEDULED);
        assert_int_equal(m->n_tries_live, 1);
        assert_int_equal(core_fixture_task(other, "m")->n_tries_live, 1);
        core_fixture_end(&w, core_fixture_task(run, "a"), WORLD_RESULT_SUCCESS, at(2));
        core_fixture_end(&w, m->maps[0], WORLD_RESULT_SUCCESS, at(2));
        core_fixture_decide(&w, at(2));
        assert_int_equal(core_fixture_task(other, "a")->state, TASK_QUEUED);
        assert_int_equal(m->maps[1]->state, TASK_QUEUED);
        assert_int_equal(m->maps[2]->state, TASK_SCHEDULED);
}

static struct world_event end_of(struct world_task *t, enum world_result result, usec_t now) {
        return (struct world_event){.kind = WORLD_TRY_ENDED,
                                    .at = now,
                                    .task = t,
                                    .try_id = t->try_id,
                                    .result = result};
}

/* Comes again with the number it had, however often. */
static void test_reschedule(void **state) {
        static const char *const tasks[] = {"a", NULL};
        struct world_run *run = start("d", "", tasks);
        struct world_task *a = core_fixture_task(run, "a");

        for (unsigned i = 0; i < 3; i++) {
                struct world_event e = end_of(a, WORLD_RESULT_RESCHEDULED, at(60 * i));

                e.again_at = at(60 * i + 30);
                assert_int_equal(core_fixture_apply(&w, &e), 0);
                assert_int_equal(a->state, TASK_UP_FOR_RESCHEDULE);
                assert_true(core_fixture_decide(&w, at(60 * i)) == at(60 * i + 30));
                assert_int_equal(w.n_live, 0);
                core_fixture_decide(&w, at(60 * i + 30));
                assert_int_equal(a->state, TASK_QUEUED);
                assert_int_equal(a->try_number, 1);
        }
        core_fixture_end(&w, a, WORLD_RESULT_FAILED, at(300));
        assert_int_equal(a->state, TASK_FAILED);
}

/* A deferred task keeps its slots in pools that count it, and goes on when its trigger fires. */
static void test_deferred(void **state) {
        static const char *const tasks[] = {"a{\"pool\":\"p\"}", "b{\"pool\":\"p\"}", NULL};
        struct world_task *a, *b;
        struct world_run *run;
        struct world_event e;

        assert_int_equal(world_put_pool(&w, "p", 1), 0);
        world_get_pool(&w, "p")->include_deferred = true;
        run = start("d", "", tasks);
        a = core_fixture_task(run, "a");
        b = core_fixture_task(run, "b");
        e = end_of(a, WORLD_RESULT_DEFERRED, at(1));
        e.again_at = USEC_INFINITY;
        assert_int_equal(core_fixture_apply(&w, &e), 0);
        core_fixture_decide(&w, at(1));
        assert_int_equal(a->state, TASK_DEFERRED);
        assert_int_equal(b->state, TASK_SCHEDULED);
        assert_int_equal(world_remove_pool(&w, "p"), -EBUSY);
        e = (struct world_event){.kind = WORLD_TRIGGER_FIRED, .at = at(2), .task = a};
        assert_int_equal(core_fixture_apply(&w, &e), 0);
        core_fixture_decide(&w, at(2));
        assert_int_equal(a->state, TASK_QUEUED);
        assert_int_equal(a->try_number, 1);
        core_fixture_end(&w, a, WORLD_RESULT_SUCCESS, at(3));
        assert_int_equal(core_fixture_apply(&w, &e), WORLD_APPLY_STALE);
        core_fixture_decide(&w, at(3));
        assert_int_equal(b->state, TASK_QUEUED);
}

/* Told once each, when its time has come, as long as the run has not finished. */
static void test_deadlines(void **state) {
        static const char *const tasks[] = {"a", NULL};
        struct world_run *run =
                start("d",
                      "\"deadlines\":[{\"after\":60},{\"from\":\"queued_at\",\"after\":90},"
                      "{\"from\":\"fixed\",\"at\":\"2030-01-01\"}],",
                      tasks);

        assert_true(core_fixture_decide(&w, at(1)) == at(60));
        core_fixture_decide(&w, at(60));
        assert_int_equal(run->missed_deadlines, 1);
        assert_true(core_fixture_decide(&w, at(61)) == at(90));
        core_fixture_decide(&w, at(3600));
        assert_int_equal(run->missed_deadlines, 3);
        core_fixture_end(&w, core_fixture_task(run, "a"), WORLD_RESULT_SUCCESS, at(3601));
        assert_true(core_fixture_decide(&w, at(3601)) == USEC_INFINITY);
}

/* A backfill has its own limit and does not use up the pipeline's. */
static void test_backfill(void **state) {
        static const char *const tasks[] = {"a{\"depends_on_past\":true}", NULL};
        struct world_backfill *b = world_put_backfill(&w, 7);
        struct world_run *run = start("d", "\"max_active_runs\":1,", tasks), *runs[3];

        b->max_active_runs = 2;
        for (unsigned i = 0; i < 3; i++) {
                char id[8];
                struct world_event e = {.kind = WORLD_RUN_CREATED,
                                        .at = at(1),
                                        .dag = run->dag,
                                        .run_id = id,
                                        .run_type = RUN_TYPE_BACKFILL,
                                        .backfill = b,
                                        .ignores_past = i == 0,
                                        .when = {at(10 + i), at(10 + i), at(10 + i), at(10 + i)}};

                snprintf(id, sizeof(id), "b%u", i);
                assert_int_equal(core_fixture_apply(&w, &e), 0);
                runs[i] = world_get_run(run->dag, id);
        }
        b->paused = true;
        core_fixture_decide(&w, at(1));
        assert_int_equal(runs[0]->state, RUN_QUEUED);
        b->paused = false;
        core_fixture_decide(&w, at(1));
        assert_int_equal(runs[0]->state, RUN_RUNNING);
        assert_int_equal(runs[1]->state, RUN_RUNNING);
        assert_int_equal(runs[2]->state, RUN_QUEUED);
        assert_int_equal(core_fixture_task(runs[0], "a")->state, TASK_QUEUED);
        assert_int_equal(core_fixture_task(runs[1], "a")->state, TASK_NONE);
        assert_int_equal(run->dag->n_running_runs, 1);
}

static void test_paused(void **state) {
        static const char *const tasks[] = {"a", "b<a", NULL};
        struct world_run *run = start("d", "\"schedule\":\"* * * * *\",", tasks);

        world_set_paused(run->dag, true);
        core_fixture_end(&w, core_fixture_task(run, "a"), WORLD_RESULT_SUCCESS, at(1));
        assert_true(core_fixture_decide(&w, at(600)) == USEC_INFINITY);
        assert_int_equal(core_fixture_task(run, "b")->state, TASK_NONE);
        world_set_paused(run->dag, false);
        core_fixture_decide(&w, at(600));
        assert_int_equal(core_fixture_task(run, "b")->state, TASK_QUEUED);
}

static void test_stopping_starts_nothing(void **state) {
        static const char *const tasks[] = {"a", "b<a", NULL};
        struct world_run *run = start("d", "\"schedule\":\"* * * * *\",", tasks);

        w.stopping = true;
        core_fixture_end(&w, core_fixture_task(run, "a"), WORLD_RESULT_INTERRUPTED, at(1));
        assert_true(core_fixture_decide(&w, at(600)) == USEC_INFINITY);
        assert_int_equal(core_fixture_task(run, "a")->state, TASK_INTERRUPTED);
        w.stopping = false;
        core_fixture_decide(&w, at(600));
        assert_int_equal(core_fixture_task(run, "a")->state, TASK_QUEUED);
}

static void test_scheduled_runs(void **state) {
        static const char *const tasks[] = {"a", NULL};
        struct world_dag *wd = core_fixture_put(
                &w, core_fixture_tasks("d",
                                       "\"schedule\":\"0 * * * *\",\"missed\":\"all\","
                                       "\"start_date\":\"2026-01-01T01:00:00Z\",",
                                       tasks));
        struct world_run *run;

        assert_true(core_fixture_decide(&w, at(0)) == at(3600));
        assert_true(core_fixture_decide(&w, at(3600)) == at(7200));
        run = world_get_run(wd, "scheduled__2026-01-01T01:00:00+00:00");
        assert_non_null(run);
        assert_int_equal(run->type, RUN_TYPE_SCHEDULED);
        assert_int_equal(core_fixture_task(run, "a")->state, TASK_QUEUED);
        core_fixture_decide(&w, at(4 * 3600)); /* three hours late */
        assert_non_null(world_get_run(wd, "scheduled__2026-01-01T02:00:00+00:00"));
        assert_non_null(world_get_run(wd, "scheduled__2026-01-01T04:00:00+00:00"));
        assert_null(world_get_run(wd, "scheduled__2026-01-01T05:00:00+00:00"));
        wd->gone = true;
        assert_true(core_fixture_decide(&w, at(9 * 3600)) == USEC_INFINITY);
}

static void test_markers(void **state) {
        struct world_dag *wd = core_fixture_put(
                &w, core_fixture_dag("{\"onebox_dag\":1,\"dag_id\":\"d\",\"tasks\":["
                                     "{\"id\":\"start\",\"kind\":\"marker\"},"
                                     "{\"id\":\"a\",\"cmd\":\"x\",\"upstream\":[\"start\"]},"
                                     "{\"id\":\"end\",\"kind\":\"marker\",\"fail_if_failed\":true,"
                                     "\"trigger_rule\":\"all_done\",\"upstream\":[\"a\"]}]}"));
        struct world_run *run = core_fixture_run(&w, wd, "r", at(0));

        core_fixture_decide(&w, at(0));
        assert_int_equal(core_fixture_task(run, "start")->state, TASK_SUCCESS);
        assert_int_equal(core_fixture_task(run, "start")->try_number, 0);
        core_fixture_end(&w, core_fixture_task(run, "a"), WORLD_RESULT_FAILED, at(1));
        core_fixture_decide(&w, at(1));
        assert_int_equal(core_fixture_task(run, "end")->state, TASK_FAILED);
        assert_int_equal(run->state, RUN_FAILED);
}

static double seconds_now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

/* 250 pipelines of 100 tasks, all with a run under way and more ready than there are slots: what a
 * pass costs when one try has ended. (The budget of 5 ms is checked without sanitizers by the
 * benches; here only that the cost does not grow with the square.) */
static void test_cost_of_a_pass(void **state) {
        static char names[100][8];
        const char *tasks[101] = {};
        struct plan plan = {};
        double begin;

        for (unsigned i = 0; i < 100; i++) {
                snprintf(names[i], sizeof(names[i]), "t%u", i);
                tasks[i] = names[i];
        }
        for (unsigned i = 0; i < 250; i++) {
                char id[16];

                snprintf(id, sizeof(id), "d%u", i);
                core_fixture_run(&w, core_fixture_put(&w, core_fixture_tasks(id, "", tasks)), "r",
                                 at(0));
        }
        w.parallelism = 32;
        core_fixture_decide(&w, at(0));
        assert_int_equal(w.n_live, 32);
        assert_int_equal(w.n_ready, 250 * 100 - 32);
        begin = seconds_now();
        for (unsigned i = 0; i < 100; i++) {
                core_fixture_end(&w, TAILQ_FIRST(&w.live), WORLD_RESULT_SUCCESS, at(1));
                core_fixture_decide(&w, at(1));
        }
        print_message("# a pass of 25000 tasks: %.3f ms\n", (seconds_now() - begin) * 1000 / 200);
        assert_true((seconds_now() - begin) / 200 < 0.05);
        plan_done(&plan);
}

static void test_run_ids(void **state) {
        char id[PLAN_RUN_ID_SIZE];

        plan_run_id(RUN_TYPE_MANUAL, at(0) + 123456, id);
        assert_string_equal(id, "manual__2026-01-01T00:00:00.123456+00:00");
}

#define ON(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                ON(test_parallelism),
                ON(test_max_active_tasks_is_per_run),
                ON(test_pools),
                ON(test_heavier_goes_first),
                ON(test_execution_timeout),
                ON(test_dagrun_timeout),
                ON(test_timed_out_run_starts_nothing),
                ON(test_night_does_not_count_for_dagrun_timeout),
                ON(test_max_active_runs),
                ON(test_depends_on_past),
                ON(test_wait_for_downstream),
                ON(test_instances_of_one_task),
                ON(test_reschedule),
                ON(test_deferred),
                ON(test_deadlines),
                ON(test_backfill),
                ON(test_paused),
                ON(test_stopping_starts_nothing),
                ON(test_scheduled_runs),
                ON(test_markers),
                ON(test_cost_of_a_pass),
                cmocka_unit_test(test_run_ids),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
