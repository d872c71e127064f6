/* The table of replay.h, row by row, and what becomes of the world afterwards. */
#include "tests/unit/core_fixture.h"

#include "daemons/scheduler/core/replay.h"

static struct world w;
static struct world_run *run;
static struct world_task *task;

static usec_t at(unsigned s) {
        return CORE_FIXTURE_NOW + s * USEC_PER_SEC;
}

static int setup(void **state) {
        static const char *const tasks[] = {"a", "b<a", NULL};

        assert_int_equal(world_init(&w, 8), 0);
        run = core_fixture_run(&w, core_fixture_put(&w, core_fixture_tasks("d", "", tasks)), "r",
                               at(0));
        core_fixture_decide(&w, at(0));
        task = core_fixture_task(run, "a");
        return 0;
}

static int teardown(void **state) {
        world_done(&w);
        return 0;
}

static struct replay_fact fact(const char *try_id) {
        struct replay_fact f = {.dag_id = "d",
                                .run_id = "r",
                                .task_id = "a",
                                .map_index = -1,
                                .started_at = USEC_INFINITY,
                                .ended_at = USEC_INFINITY};

        snprintf(f.try_id, sizeof(f.try_id), "%s", try_id);
        return f;
}

static struct replay_action compare(struct replay_fact *f) {
        struct replay_action a;

        replay_compare_one(&w, f, at(100), &a);
        if (a.has_event)
                assert_int_equal(core_fixture_apply(&w, &a.event), 0);
        return a;
}

static void test_end(void **state) {
        struct replay_fact f = fact(task->try_id);
        struct replay_action a;

        f.has_end = f.is_started = f.is_locked = true; /* the shim reports and is still there */
        f.result = WORLD_RESULT_SUCCESS;
        f.started_at = at(10);
        f.ended_at = at(20);
        a = compare(&f);
        assert_int_equal(a.kind, REPLAY_APPLY);
        assert_int_equal(task->state, TASK_SUCCESS);
        assert_true(task->started_at == at(10) && task->ended_at == at(20));
        a = compare(&f); /* read again: nothing happens twice */
        assert_int_equal(a.kind, REPLAY_ACKNOWLEDGE);
        assert_false(a.has_event);
}

static void test_alive(void **state) {
        struct replay_fact f = fact(task->try_id);
        struct replay_action a;

        f.is_locked = true; /* it lives, but has not begun the command */
        a = compare(&f);
        assert_int_equal(a.kind, REPLAY_ADOPT);
        assert_int_equal(task->state, TASK_QUEUED);
        f.is_started = true;
        f.started_at = at(7);
        a = compare(&f);
        assert_int_equal(a.kind, REPLAY_ADOPT);
        assert_int_equal(task->state, TASK_RUNNING);
        assert_true(task->started_at == at(7));
        a = compare(&f);
        assert_int_equal(a.kind, REPLAY_ADOPT);
        assert_false(a.has_event);
}

static void test_cut_off(void **state) {
        struct replay_fact f = fact(task->try_id);

        f.is_started = true;
        assert_int_equal(compare(&f).kind, REPLAY_APPLY);
        assert_int_equal(task->state, TASK_INTERRUPTED);
        assert_int_equal(task->max_tries, 1); /* none used */
}

static void test_not_begun(void **state) {
        struct replay_fact f = fact(task->try_id);

        assert_int_equal(compare(&f).kind, REPLAY_START);
        assert_int_equal(task->state, TASK_QUEUED);
}

static void test_stale_tries(void **state) {
        struct replay_fact f = fact("another");

        assert_int_equal(compare(&f).kind, REPLAY_CANCEL);
        f.is_started = true;
        assert_int_equal(compare(&f).kind, REPLAY_ACKNOWLEDGE);
        f.is_locked = true;
        assert_int_equal(compare(&f).kind, REPLAY_STOP);
        f.has_end = true;
        assert_int_equal(compare(&f).kind, REPLAY_ACKNOWLEDGE);
        f.run_id = "forgotten";
        assert_int_equal(compare(&f).kind, REPLAY_ACKNOWLEDGE);
        f.is_acked = true;
        assert_int_equal(compare(&f).kind, REPLAY_NOTHING);
        assert_int_equal(task->state, TASK_QUEUED);
}

static void test_unreadable(void **state) {
        struct replay_fact f = fact("another");

        f.dag_id = f.run_id = f.task_id = NULL;
        assert_int_equal(compare(&f).kind, REPLAY_LOST_FOUND);
}

static void test_directory_is_missing(void **state) {
        struct replay_action *actions = NULL;
        size_t n;

        assert_int_equal(replay_compare(&w, NULL, 0, at(9), &actions, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(actions[0].kind, REPLAY_START);
        assert_ptr_equal(actions[0].task, task);
        assert_null(actions[0].fact);
        mem_free(actions);

        core_fixture_start(&w, task, at(1));
        assert_int_equal(replay_compare(&w, NULL, 0, at(9), &actions, &n), 0);
        assert_int_equal(actions[0].kind, REPLAY_APPLY);
        assert_int_equal(actions[0].event.result, WORLD_RESULT_INTERRUPTED);
        mem_free(actions);
}

static void test_all_together(void **state) {
        struct replay_fact facts[3] = {fact(task->try_id), fact("old"), fact("acked")};
        struct replay_action *actions = NULL;
        size_t n;

        facts[0].is_locked = facts[0].is_started = true;
        facts[2].is_acked = true;
        assert_int_equal(replay_compare(&w, facts, 3, at(9), &actions, &n), 0);
        assert_int_equal(n, 2);
        assert_int_equal(actions[0].kind, REPLAY_ADOPT);
        assert_int_equal(actions[1].kind, REPLAY_CANCEL);
        mem_free(actions);
}

#define ON(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                ON(test_end),
                ON(test_alive),
                ON(test_cut_off),
                ON(test_not_begun),
                ON(test_stale_tries),
                ON(test_unreadable),
                ON(test_directory_is_missing),
                ON(test_all_together),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
