/* Events: what each may do, what it must not. */
#include "tests/unit/core_fixture.h"

#include <errno.h>

#include "daemons/scheduler/core/world_apply.h"

static struct world w;
static struct world_dag *wd;
static struct world_run *run;

static usec_t at(unsigned s) {
        return CORE_FIXTURE_NOW + s * USEC_PER_SEC;
}

static struct world_task *task(const char *id) {
        return core_fixture_task(run, id);
}

static int setup(void **state) {
        static const char *const tasks[] = {"a{\"retries\":1,\"retry_delay\":60}", "b<a",
                                            "c<b{\"trigger_rule\":\"all_done\"}", NULL};

        assert_int_equal(world_init(&w, 8), 0);
        wd = core_fixture_put(&w, core_fixture_tasks("d", "", tasks));
        run = core_fixture_run(&w, wd, "r", at(0));
        core_fixture_decide(&w, at(0));
        return 0;
}

static int teardown(void **state) {
        world_done(&w);
        return 0;
}

static int clear(struct world_task *t, unsigned s) {
        struct world_event e = {.kind = WORLD_TASK_CLEARED, .at = at(s), .task = t};

        return core_fixture_apply(&w, &e);
}

static int mark(struct world_task *t, enum task_state to, unsigned s) {
        struct world_event e = {
                .kind = WORLD_TASK_MARKED, .at = at(s), .task = t, .task_state = to};

        return core_fixture_apply(&w, &e);
}

static void test_run_to_success(void **state) {
        assert_int_equal(run->state, RUN_RUNNING);
        assert_int_equal(task("a")->state, TASK_QUEUED);
        assert_int_equal(task("b")->state, TASK_NONE);
        for (const char *id = "abc"; *id; id++) {
                char name[2] = {*id, 0};

                core_fixture_start(&w, task(name), at(1));
                core_fixture_end(&w, task(name), WORLD_RESULT_SUCCESS, at(2));
                core_fixture_decide(&w, at(2));
        }
        assert_int_equal(run->state, RUN_SUCCESS);
        assert_true(run->ended_at == at(2));
        assert_int_equal(w.n_live, 0);
        assert_int_equal(world_get_pool(&w, "default_pool")->n_used, 0);
        assert_true(world_may_forget_run(run));
}

static void test_late_and_repeated_reports_change_nothing(void **state) {
        struct world_task *a = task("a");
        struct world_event started = {
                .kind = WORLD_TRY_STARTED, .at = at(1), .task = a, .try_id = a->try_id};
        struct world_event end = {.kind = WORLD_TRY_ENDED,
                                  .at = at(2),
                                  .task = a,
                                  .try_id = "another",
                                  .result = WORLD_RESULT_SUCCESS};

        assert_int_equal(core_fixture_apply(&w, &end), WORLD_APPLY_STALE);
        assert_int_equal(a->state, TASK_QUEUED);
        assert_int_equal(core_fixture_apply(&w, &started), 0);
        assert_int_equal(core_fixture_apply(&w, &started), WORLD_APPLY_STALE);
        end.try_id = a->try_id;
        assert_int_equal(core_fixture_apply(&w, &end), 0);
        end.result = WORLD_RESULT_FAILED;
        assert_int_equal(core_fixture_apply(&w, &end), WORLD_APPLY_STALE);
        assert_int_equal(a->state, TASK_SUCCESS);
        assert_int_equal(core_fixture_apply(&w, &started), WORLD_APPLY_STALE);
}

static void test_end_without_start(void **state) {
        struct world_task *a = task("a");
        struct world_event end = {.kind = WORLD_TRY_ENDED,
                                  .at = at(9),
                                  .started_at = at(4),
                                  .task = a,
                                  .try_id = a->try_id,
                                  .result = WORLD_RESULT_SUCCESS};

        assert_int_equal(core_fixture_apply(&w, &end), 0);
        assert_true(a->started_at == at(4) && a->ended_at == at(9));
}

static void test_retry_then_failure(void **state) {
        struct world_task *a = task("a");

        core_fixture_end(&w, a, WORLD_RESULT_FAILED, at(5));
        assert_int_equal(a->state, TASK_UP_FOR_RETRY);
        assert_true(a->retry_at == at(65));
        assert_true(core_fixture_decide(&w, at(6)) == at(65));
        assert_int_equal(a->state, TASK_UP_FOR_RETRY);
        core_fixture_decide(&w, at(65));
        assert_int_equal(a->state, TASK_QUEUED);
        assert_int_equal(a->try_number, 2);
        core_fixture_end(&w, a, WORLD_RESULT_TIMED_OUT, at(70));
        assert_int_equal(a->state, TASK_FAILED);
        core_fixture_decide(&w, at(70));
        assert_int_equal(task("b")->state, TASK_UPSTREAM_FAILED);
        assert_int_equal(task("c")->state, TASK_QUEUED); /* all_done */
        core_fixture_end(&w, task("c"), WORLD_RESULT_SUCCESS, at(80));
        core_fixture_decide(&w, at(80));
        assert_int_equal(run->state, RUN_SUCCESS); /* the end of the DAG decides */
}

static void test_interruption_uses_no_retry(void **state) {
        struct world_task *a = task("a");

        for (unsigned i = 1; i <= 5; i++) {
                core_fixture_end(&w, a, WORLD_RESULT_INTERRUPTED, at(i));
                assert_int_equal(a->state, TASK_INTERRUPTED);
                assert_int_equal(world_task_failures(a), 0);
                core_fixture_decide(&w, at(i));
                assert_int_equal(a->try_number, i + 1);
        }
        core_fixture_end(&w, a, WORLD_RESULT_FAILED, at(10));
        assert_int_equal(a->state, TASK_UP_FOR_RETRY);
        assert_int_equal(world_task_failures(a), 1);
        core_fixture_decide(&w, at(70));
        core_fixture_end(&w, a, WORLD_RESULT_FAILED, at(80));
        assert_int_equal(a->state, TASK_FAILED);
}

/* A task that takes its own supervisor down each time must not keep the machine busy with it. */
static void test_endless_interruptions_slow_down(void **state) {
        struct world_task *a = task("a");
        unsigned now = 0;

        for (unsigned i = 1; i < WORLD_INTERRUPTIONS_FREE; i++, now++) {
                core_fixture_start(&w, a, at(now));
                core_fixture_end(&w, a, WORLD_RESULT_INTERRUPTED, at(now));
                core_fixture_decide(&w, at(now));
                assert_int_equal(a->state, TASK_QUEUED);
        }
        core_fixture_start(&w, a, at(now));
        core_fixture_end(&w, a, WORLD_RESULT_INTERRUPTED, at(now));
        assert_true(a->retry_at == at(now) + WORLD_INTERRUPTION_FOR);
        assert_true(core_fixture_decide(&w, at(now)) == a->retry_at);
        assert_int_equal(a->state, TASK_INTERRUPTED);
        core_fixture_decide(&w, a->retry_at);
        assert_int_equal(a->state, TASK_QUEUED);
        core_fixture_start(&w, a, at(100));
        core_fixture_end(&w, a, WORLD_RESULT_INTERRUPTED, at(101));
        assert_true(a->retry_at == at(101) + 2 * WORLD_INTERRUPTION_FOR);
        core_fixture_decide(&w, a->retry_at);

        core_fixture_start(&w, a, at(200)); /* a night ends it after an hour */
        core_fixture_end(&w, a, WORLD_RESULT_INTERRUPTED, at(3800));
        assert_true(a->retry_at == USEC_INFINITY);
        core_fixture_decide(&w, at(3800));
        assert_int_equal(a->state, TASK_QUEUED);
        for (unsigned i = 0; i < 20; i++) {
                core_fixture_start(&w, a, at(5000));
                core_fixture_end(&w, a, WORLD_RESULT_INTERRUPTED, at(5000));
                assert_true(a->retry_at <= at(5600));
                core_fixture_decide(&w, a->retry_at);
        }
        core_fixture_end(&w, a, WORLD_RESULT_FAILED, at(6000)); /* and still has its retry */
        assert_int_equal(a->state, TASK_UP_FOR_RETRY);
}

static void test_results(void **state) {
        struct world_task *a = task("a");

        core_fixture_end(&w, a, WORLD_RESULT_STOPPED, at(1)); /* nobody but the night asked */
        assert_int_equal(a->state, TASK_INTERRUPTED);
        core_fixture_decide(&w, at(1));
        core_fixture_end(&w, a, WORLD_RESULT_FAILED_FINAL, at(2));
        assert_int_equal(a->state, TASK_FAILED);
        assert_int_equal(clear(a, 3), 0);
        core_fixture_decide(&w, at(3));
        core_fixture_end(&w, a, WORLD_RESULT_SKIPPED, at(4));
        core_fixture_decide(&w, at(4));
        assert_int_equal(task("b")->state, TASK_SKIPPED);
}

static void test_clear_of_a_finished_run(void **state) {
        struct world_task *a = task("a"), *b = task("b");

        core_fixture_end(&w, a, WORLD_RESULT_FAILED_FINAL, at(1));
        core_fixture_decide(&w, at(1));
        core_fixture_end(&w, task("c"), WORLD_RESULT_SUCCESS, at(2));
        core_fixture_decide(&w, at(2));
        assert_int_equal(run->state, RUN_SUCCESS);

        assert_int_equal(clear(a, 10), 0);
        assert_int_equal(clear(b, 10), 0);
        assert_int_equal(run->state, RUN_QUEUED);
        assert_true(run->queued_at == at(10) && run->ended_at == USEC_INFINITY);
        assert_int_equal(a->state, TASK_NONE);
        assert_int_equal(a->max_tries, 2); /* one try was used, one retry is given again */
        core_fixture_decide(&w, at(11));
        assert_int_equal(a->state, TASK_QUEUED);
        assert_int_equal(a->try_number, 2);
        core_fixture_end(&w, a, WORLD_RESULT_SUCCESS, at(12));
        core_fixture_decide(&w, at(12));
        assert_int_equal(b->state, TASK_QUEUED);
        assert_int_equal(clear(task("c"), 13), 0);
        assert_int_equal(task("c")->state, TASK_NONE);
        assert_int_equal(clear(task("c"), 13), WORLD_APPLY_STALE);
}

static void test_clear_of_a_live_task(void **state) {
        struct world_task *a = task("a");

        core_fixture_start(&w, a, at(1));
        assert_int_equal(clear(a, 2), 0);
        assert_int_equal(a->state, TASK_RUNNING); /* until its process has ended */
        assert_int_equal(a->stop, WORLD_STOP_CLEARED);
        core_fixture_end(&w, a, WORLD_RESULT_SUCCESS, at(3));
        assert_int_equal(a->state, TASK_NONE);
        assert_int_equal(a->stop, WORLD_STOP_NONE);
        core_fixture_decide(&w, at(3));
        assert_int_equal(a->try_number, 2);
}

static void test_mark(void **state) {
        struct world_task *a = task("a"), *b = task("b");

        assert_int_equal(mark(a, TASK_SUCCESS, 1), 0);
        assert_int_equal(a->state, TASK_QUEUED);
        core_fixture_end(&w, a, WORLD_RESULT_STOPPED, at(2));
        assert_int_equal(a->state, TASK_SUCCESS);
        core_fixture_decide(&w, at(2));
        core_fixture_end(&w, b, WORLD_RESULT_FAILED, at(3));
        assert_int_equal(b->state, TASK_FAILED);
        assert_int_equal(mark(b, TASK_SUCCESS, 4), 0);
        assert_int_equal(b->state, TASK_SUCCESS);
        assert_int_equal(mark(b, TASK_SUCCESS, 4), WORLD_APPLY_STALE);
        assert_int_equal(mark(task("c"), TASK_SKIPPED, 5), 0);
        core_fixture_decide(&w, at(5));
        assert_int_equal(run->state, RUN_SUCCESS);
}

/* A time limit does not replace a person's wish, and is said once. */
static void test_stop_reasons(void **state) {
        struct world_task *a = task("a");
        struct world_event e = {.kind = WORLD_TRY_STOPPING,
                                .at = at(1),
                                .task = a,
                                .try_id = a->try_id,
                                .stop = WORLD_STOP_TIMEOUT};

        assert_int_equal(core_fixture_apply(&w, &e), 0);
        assert_int_equal(core_fixture_apply(&w, &e), WORLD_APPLY_STALE);
        core_fixture_start(&w, a, at(1)); /* the report of the start comes late */
        assert_int_equal(a->stop, WORLD_STOP_TIMEOUT);
        core_fixture_end(&w, a, WORLD_RESULT_STOPPED, at(2));
        assert_int_equal(a->state, TASK_UP_FOR_RETRY); /* a timeout is a failure */
}

static void test_same_run_twice(void **state) {
        struct world_event e = {.kind = WORLD_RUN_CREATED,
                                .at = at(1),
                                .dag = wd,
                                .run_id = "r",
                                .run_type = RUN_TYPE_SCHEDULED,
                                .when = {at(1), at(1), at(1), at(1)}};
        struct world_touched touched;

        assert_int_equal(world_apply(&w, &e, &touched), -EEXIST);
        assert_null(touched.run);
        assert_ptr_equal(touched.dag, wd); /* its place in the timetable is used up */
        assert_true(wd->has_last && wd->last.logical_at == at(1));
}

/* A try is made once, in its turn, and in a run that goes on. */
static void test_try_out_of_turn(void **state) {
        struct world_task *b = task("b");
        struct world_event e = {
                .kind = WORLD_TRY_CREATED, .at = at(1), .task = b, .try_id = "x", .try_number = 2};

        assert_int_equal(core_fixture_apply(&w, &e), WORLD_APPLY_STALE);
        e.task = task("a"); /* has one already */
        assert_int_equal(core_fixture_apply(&w, &e), WORLD_APPLY_STALE);
        assert_int_equal(core_fixture_apply(&w, &(struct world_event){.kind = WORLD_RUN_MARKED,
                                                                      .at = at(2),
                                                                      .run = run,
                                                                      .run_state = RUN_FAILED}),
                         0);
        e.task = b;
        e.try_number = 1;
        assert_int_equal(core_fixture_apply(&w, &e), WORLD_APPLY_STALE);
        assert_int_equal(b->state, TASK_NONE);
        assert_int_equal(task("a")->state, TASK_QUEUED); /* its process still has to end */
        assert_false(world_may_forget_run(run));
}

static void test_names(void **state) {
        enum world_result r;
        enum world_stop s;

        for (enum world_result i = 0; i < _WORLD_RESULT_MAX; i++) {
                assert_int_equal(world_apply_result_parse(world_apply_result_name(i), &r), 0);
                assert_int_equal(r, i);
        }
        for (enum world_stop i = 0; i < _WORLD_STOP_MAX; i++) {
                assert_int_equal(world_stop_parse(world_stop_name(i), &s), 0);
                assert_int_equal(s, i);
        }
        assert_int_equal(world_apply_result_parse("", &r), 1);
        assert_int_equal(world_stop_parse("", &s), 1);
        for (enum world_event_kind k = 0; k < _WORLD_EVENT_KIND_MAX; k++)
                assert_non_null(world_apply_event_name(k));
}

#define ON(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                ON(test_run_to_success),
                ON(test_late_and_repeated_reports_change_nothing),
                ON(test_end_without_start),
                ON(test_retry_then_failure),
                ON(test_interruption_uses_no_retry),
                ON(test_endless_interruptions_slow_down),
                ON(test_results),
                ON(test_clear_of_a_finished_run),
                ON(test_clear_of_a_live_task),
                ON(test_mark),
                ON(test_stop_reasons),
                ON(test_same_run_twice),
                ON(test_try_out_of_turn),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
