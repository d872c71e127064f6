/* The words for each reason. */
#include "tests/unit/core_fixture.h"

#include "daemons/scheduler/core/why.h"

static struct world w;

static usec_t at(unsigned s) {
        return CORE_FIXTURE_NOW + s * USEC_PER_SEC;
}

static int setup(void **state) {
        return world_init(&w, 2);
}

static int teardown(void **state) {
        world_done(&w);
        return 0;
}

static void expect(const struct world_run *run, const char *id, unsigned s, const char *part) {
        char text[WHY_TEXT_SIZE];

        why_task(&w, world_get_task(run, id, -1), at(s), text);
        if (!strstr(text, part))
                fail_msg("%s: \"%s\" does not say \"%s\"", id, text, part);
}

static void expect_run(const struct world_run *run, unsigned s, const char *part) {
        char text[WHY_TEXT_SIZE];

        why_run(&w, run, at(s), text);
        if (!strstr(text, part))
                fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void expect_dag(struct world_dag *wd, unsigned s, const char *part) {
        char text[WHY_TEXT_SIZE];

        why_dag(&w, wd, at(s), text);
        if (!strstr(text, part))
                fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void test_tasks(void **state) {
        static const char *const tasks[] = {"a{\"retries\":1,\"retry_delay\":60}",
                                            "b<a",
                                            "p{\"pool\":\"nowhere\"}",
                                            "q",
                                            "z{\"pool\":\"small\"}",
                                            "s{\"pool\":\"small\"}",
                                            NULL};
        struct world_run *run;

        assert_int_equal(world_put_pool(&w, "small", 0), 0);
        run = core_fixture_run(&w, core_fixture_put(&w, core_fixture_tasks("d", "", tasks)), "r",
                               at(0));
        expect(run, "a", 0, "its run is not running: is queued and starts now");
        core_fixture_decide(&w, at(0));
        expect(run, "a", 0, "try 1 was sent to the launcher at 2026-01-01T00:00:00Z");
        expect(run, "b", 0, "waits for its upstream tasks (rule all_success): a (queued)");
        expect(run, "p", 0, "waits for a slot: 2 of 2 tasks run on this machine");
        core_fixture_start(&w, core_fixture_task(run, "a"), at(5));
        expect(run, "a", 6, "runs: try 1 since 2026-01-01T00:00:05Z");
        core_fixture_end(&w, core_fixture_task(run, "a"), WORLD_RESULT_FAILED, at(10));
        expect(run, "a", 10, "try 1 failed; try 2 of 2 begins at 2026-01-01T00:01:10Z");
        expect(run, "p", 10, "names the pool nowhere, which does not exist");
        expect(run, "s", 10, "needs 1 slots of pool small, which has 0 in all: give it more");
        w.stopping = true;
        expect(run, "p", 10, "the machine is shutting down");
        w.stopping = false;
        world_set_paused(run->dag, true);
        expect(run, "b", 10, "DAG d is paused");
        world_set_paused(run->dag, false);
        core_fixture_decide(&w, at(70));
        core_fixture_end(&w, core_fixture_task(run, "a"), WORLD_RESULT_FAILED, at(80));
        expect(run, "b", 80, "becomes upstream_failed now");
        core_fixture_decide(&w, at(80));
        expect(run, "a", 90, "is finished: failed since 2026-01-01T00:01:20Z, tries: 2");
        expect(run, "b", 90, "never ran: upstream a (failed) (rule all_success)");
        expect_run(run, 90, "runs: 4 of 6 tasks unfinished");
}

static void test_limits_of_a_run(void **state) {
        static const char *const tasks[] = {"a{\"depends_on_past\":true}", "b", NULL};
        struct world_run *run, *next;

        run = core_fixture_run(&w,
                               core_fixture_put(&w, core_fixture_tasks("d",
                                                                       "\"max_active_tasks\":1,"
                                                                       "\"dagrun_timeout\":50,"
                                                                       "\"max_active_runs\":1,",
                                                                       tasks)),
                               "r1", at(0));
        core_fixture_decide(&w, at(0));
        expect(run, "b", 0, "waits for its own run: 1 of max_active_tasks 1 run");
        next = core_fixture_run(&w, run->dag, "r2", at(1));
        core_fixture_decide(&w, at(1));
        expect_run(next, 1, "is queued: 1 of max_active_runs 1 run");
        expect(run, "b", 60, "exceeded dagrun_timeout");
        core_fixture_end(&w, core_fixture_task(run, "a"), WORLD_RESULT_FAILED, at(2));
        core_fixture_decide(&w, at(2));
        core_fixture_end(&w, core_fixture_task(run, "b"), WORLD_RESULT_SUCCESS, at(3));
        core_fixture_decide(&w, at(3));
        expect_run(run, 3, "is finished: failed");
        expect(next, "a", 3, "depends on its past: in run r1 it is failed");
}

static void test_dags(void **state) {
        static const char *const tasks[] = {"a", NULL};
        struct world_dag *none = core_fixture_put(&w, core_fixture_tasks("n", "", tasks));
        struct world_dag *wd = core_fixture_put(
                &w, core_fixture_tasks("d",
                                       "\"schedule\":\"0 * * * *\",\"missed\":\"all\","
                                       "\"start_date\":\"2026-01-01T01:00:00Z\","
                                       "\"end_date\":\"2026-01-01T03:00:00Z\","
                                       "\"max_active_runs\":1,",
                                       tasks));

        expect_dag(none, 0, "has no schedule");
        expect_dag(wd, 0, "its next run is due at 2026-01-01T01:00:00Z");
        core_fixture_decide(&w, at(2 * 3600));
        expect_dag(wd, 2 * 3600, "its run of 2026-01-01T02:00:00Z waits: 1 of max_active_runs 1");
        world_set_paused(wd, true);
        expect_dag(wd, 0, "is paused");
        world_set_paused(wd, false);
        world_set_last(wd, &(struct timetable_run){at(3 * 3600), at(3 * 3600), at(3 * 3600),
                                                   at(3 * 3600)});
        expect_dag(wd, 0, "no further run");
        wd->gone = true;
        expect_dag(wd, 0, "source file is gone");
}

#define ON(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                ON(test_tasks),
                ON(test_limits_of_a_run),
                ON(test_dags),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
