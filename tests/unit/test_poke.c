/* How long a sensor is asked, beside what Airflow's sensors of mode "reschedule" do. */
#include "daemons/scheduler/core/poke.h"

#include "daemons/scheduler/core/why.h"
#include "tests/unit/core_fixture.h"

static struct world w;
static struct world_run *run;

static usec_t at(unsigned seconds) {
        return CORE_FIXTURE_NOW + seconds * USEC_PER_SEC;
}

static struct world_task *sensor(const char *more) {
        static char text[300];
        const char *tasks[] = {text, "b<a", NULL};

        snprintf(text, sizeof(text),
                 "a{\"poke_interval\":10,\"poke_timeout\":60,\"retry_delay\":5%s}", more);
        run = core_fixture_run(&w, core_fixture_put(&w, core_fixture_tasks("d", "", tasks)), "r",
                               at(0));
        core_fixture_decide(&w, at(0));
        return core_fixture_task(run, "a");
}

static void end(struct world_task *t, enum world_result result, unsigned seconds) {
        struct world_event e = {.kind = WORLD_TRY_ENDED,
                                .at = at(seconds),
                                .task = t,
                                .try_id = t->try_id,
                                .result = result,
                                .again_at = at(seconds + 10)};

        assert_int_equal(core_fixture_apply(&w, &e), 0);
}

/* A look from `from` to `to` that finds nothing. */
static void look(struct world_task *t, unsigned from, unsigned to) {
        core_fixture_decide(&w, at(from));
        core_fixture_start(&w, t, at(from));
        end(t, poke_result(t, at(to)), to);
}

static int make(void **state) {
        return world_init(&w, 256);
}

static int drop(void **state) {
        world_done(&w);
        return 0;
}

static void test_time_counts_from_the_first_look(void **state) {
        struct world_task *a = sensor(",\"retries\":3");
        char text[WHY_TEXT_SIZE];

        look(a, 2, 3);
        assert_int_equal(a->state, TASK_UP_FOR_RESCHEDULE);
        assert_true(a->poking_since == at(2));
        why_task(&w, a, at(4), text);
        assert_string_equal(text, "try 1 found that it is too early; it looks again at "
                                  "2026-01-01T00:00:13Z; a look after 2026-01-01T00:01:02Z is its "
                                  "last");
        look(a, 13, 62); /* not yet over */
        assert_int_equal(a->state, TASK_UP_FOR_RESCHEDULE);
        look(a, 72, 73);
        assert_int_equal(a->state, TASK_FAILED); /* though it has retries */
        core_fixture_decide(&w, at(74));
        assert_int_equal(core_fixture_task(run, "b")->state, TASK_UPSTREAM_FAILED);
}

static void test_soft_fail(void **state) {
        struct world_task *a = sensor(",\"soft_fail\":true");

        look(a, 0, 1);
        look(a, 11, 100);
        assert_int_equal(a->state, TASK_SKIPPED);
        core_fixture_decide(&w, at(101));
        assert_int_equal(core_fixture_task(run, "b")->state, TASK_SKIPPED);
}

/* What is no "not yet" fails as ever; a single look that takes too long does not. */
static void test_soft_fail_is_of_time(void **state) {
        struct world_task *a = sensor(",\"soft_fail\":true,\"retries\":1");

        core_fixture_start(&w, a, at(0));
        end(a, WORLD_RESULT_FAILED, 1);
        assert_int_equal(a->state, TASK_UP_FOR_RETRY);
        core_fixture_decide(&w, at(6));
        core_fixture_start(&w, a, at(6));
        end(a, WORLD_RESULT_TIMED_OUT, 7);
        assert_int_equal(a->state, TASK_SKIPPED);
}

static void test_retries_and_nights_share_the_time(void **state) {
        struct world_task *a = sensor(",\"retries\":2");

        look(a, 0, 1);
        core_fixture_decide(&w, at(11));
        core_fixture_start(&w, a, at(11));
        end(a, WORLD_RESULT_FAILED, 12);
        assert_int_equal(a->state, TASK_UP_FOR_RETRY);
        core_fixture_decide(&w, at(17));
        core_fixture_start(&w, a, at(17));
        end(a, WORLD_RESULT_INTERRUPTED, 18);
        assert_true(a->poking_since == at(0));
        look(a, 30000, 30001); /* in the morning it has one look */
        assert_int_equal(a->state, TASK_FAILED);
}

static void test_cleared_it_begins_anew(void **state) {
        struct world_task *a = sensor("");

        look(a, 0, 1);
        look(a, 11, 100);
        assert_int_equal(a->state, TASK_FAILED);
        assert_int_equal(core_fixture_apply(&w, &(struct world_event){.kind = WORLD_TASK_CLEARED,
                                                                      .at = at(110),
                                                                      .task = a}),
                         0);
        assert_true(a->poking_since == USEC_INFINITY);
        look(a, 120, 121);
        assert_int_equal(a->state, TASK_UP_FOR_RESCHEDULE);
        assert_true(a->poking_since == at(120));
}

static void test_without_a_limit(void **state) {
        static const char *const tasks[] = {"a{\"poke_interval\":10}", NULL};
        struct world_task *a;

        run = core_fixture_run(&w, core_fixture_put(&w, core_fixture_tasks("d", "", tasks)), "r",
                               at(0));
        a = core_fixture_task(run, "a");
        look(a, 0, 1);
        look(a, 4000000, 4000001);
        assert_int_equal(a->state, TASK_UP_FOR_RESCHEDULE);
}

/* Not known when it began: the end is all there is. */
static void test_no_start(void **state) {
        struct world_task *a = sensor("");

        assert_true(poke_since(a, at(9)) == at(9));
        assert_int_equal(poke_result(a, at(9)), WORLD_RESULT_RESCHEDULED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_time_counts_from_the_first_look, make, drop),
                cmocka_unit_test_setup_teardown(test_soft_fail, make, drop),
                cmocka_unit_test_setup_teardown(test_soft_fail_is_of_time, make, drop),
                cmocka_unit_test_setup_teardown(test_retries_and_nights_share_the_time, make, drop),
                cmocka_unit_test_setup_teardown(test_cleared_it_begins_anew, make, drop),
                cmocka_unit_test_setup_teardown(test_without_a_limit, make, drop),
                cmocka_unit_test_setup_teardown(test_no_start, make, drop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
