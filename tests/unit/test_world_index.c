/* Counters and queues stay true whatever happens, in whatever order: after each of many random
 * events everything is counted anew and compared. */
#include "tests/unit/core_fixture.h"

#include "daemons/scheduler/core/world_index.h"

static uint64_t random_state = 42;

static unsigned pick(unsigned n) {
        random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (unsigned) (random_state >> 33) % n;
}

struct tally {
        unsigned n_live, n_ready, n_settle, n_retry;
};

static void check_task(const struct world *w, const struct world_task *t, struct tally *tally) {
        struct trigger_rule_counts c = {.n_upstream = (unsigned) t->spec->n_upstream};

        for (size_t i = 0; i < t->spec->n_upstream; i++) {
                enum task_state s = t->run->tasks[t->spec->upstream[i]].state;

                c.n_success += s == TASK_SUCCESS;
                c.n_failed += s == TASK_FAILED;
                c.n_skipped += s == TASK_SKIPPED;
                c.n_upstream_failed += s == TASK_UPSTREAM_FAILED;
                c.n_removed += s == TASK_REMOVED;
        }
        assert_memory_equal(&c, &t->counts, sizeof(c));
        tally->n_live += task_state_is_live(t->state);
        tally->n_ready += t->queue == WORLD_QUEUE_READY;
        tally->n_settle += t->queue == WORLD_QUEUE_SETTLE;
        tally->n_retry += t->queue == WORLD_QUEUE_RETRY;
        assert_int_equal(task_state_is_live(t->state), t->queue == WORLD_QUEUE_LIVE);
        assert_int_equal(task_state_is_live(t->state), t->pool != NULL);
        if (task_state_is_finished(t->state) || t->run->state != RUN_RUNNING)
                assert_true(t->queue == WORLD_QUEUE_NONE || t->queue == WORLD_QUEUE_LIVE);
}

static void check_run(const struct world *w, const struct world_run *run, struct tally *tally) {
        unsigned n_unfinished = 0, n_failed = 0, n_live = 0;

        for (size_t i = 0; i < run->spec->n_tasks; i++) {
                const struct world_task *t = &run->tasks[i];

                check_task(w, t, tally);
                n_unfinished += !task_state_is_finished(t->state);
                n_failed += t->state == TASK_FAILED || t->state == TASK_UPSTREAM_FAILED;
                n_live += task_state_is_live(t->state);
        }
        assert_int_equal(run->n_unfinished, n_unfinished);
        assert_int_equal(run->n_failed, n_failed);
        assert_int_equal(run->n_live, n_live);
}

static void check(const struct world *w) {
        const struct world_task *t;
        const struct world_dag *wd;
        const struct world_run *run;
        struct tally tally = {}, lists = {};
        size_t n_new = 0;

        TAILQ_FOREACH(wd, &w->dags, in_world) {
                unsigned n_running = 0, n_queued = 0;

                LIST_FOREACH(run, &wd->runs, in_dag) {
                        check_run(w, run, &tally);
                        n_running += run->state == RUN_RUNNING;
                        n_queued += run->state == RUN_QUEUED;
                }
                assert_int_equal(wd->n_running_runs, n_running);
                assert_int_equal(wd->n_queued_runs, n_queued);
        }
        TAILQ_FOREACH(t, &w->live, in_queue)
        lists.n_live++;
        TAILQ_FOREACH(t, &w->settle, in_queue)
        lists.n_settle++;
        TAILQ_FOREACH(t, &w->retry, in_queue)
        lists.n_retry++;
        lists.n_ready = (unsigned) w->n_ready;
        assert_memory_equal(&tally, &lists, sizeof(lists));
        assert_int_equal(w->n_live, tally.n_live);
        assert_int_equal(world_get_pool(w, "default_pool")->n_used, tally.n_live);
        for (size_t i = 0; i < w->n_ready; i++) {
                n_new += w->ready[i]->state != TASK_SCHEDULED;
                if (i > 0)
                        assert_true(w->ready[i - 1]->spec->weight >= w->ready[i]->spec->weight);
        }
        assert_int_equal(w->n_ready_new, n_new);
}

static struct world_task *any_task(struct world *w) {
        struct world_dag *wd = TAILQ_FIRST(&w->dags);
        unsigned n = pick(3);
        struct world_run *run = LIST_FIRST(&wd->runs);

        while (n-- > 0 && LIST_NEXT(run, in_dag))
                run = LIST_NEXT(run, in_dag);
        return &run->tasks[pick((unsigned) run->spec->n_tasks)];
}

static void random_event(struct world *w, usec_t now) {
        static const enum task_state marks[] = {TASK_SUCCESS, TASK_FAILED, TASK_SKIPPED};
        struct world_task *t = any_task(w);
        struct world_event e = {.at = now, .task = t, .try_id = t->try_id};
        struct world_touched touched;

        switch (pick(6)) {
        case 0:
                e.kind = WORLD_TASK_CLEARED;
                break;
        case 1:
                e.kind = WORLD_TASK_MARKED;
                e.task_state = marks[pick(3)];
                break;
        case 2:
                e.kind = WORLD_TRY_STARTED;
                break;
        case 3:
                e.kind = WORLD_TRY_STOPPING;
                e.stop = WORLD_STOP_TIMEOUT;
                break;
        default:
                e.kind = WORLD_TRY_ENDED;
                e.result = pick(_WORLD_RESULT_MAX);
                break;
        }
        assert_true(world_apply(w, &e, &touched) >= 0);
}

static void test_random_events(void **state) {
        static const char *const tasks[] = {
                "a{\"retries\":2,\"retry_delay\":5}",
                "b<a{\"depends_on_past\":true}",
                "c<a{\"trigger_rule\":\"one_failed\"}",
                "d<b,c{\"trigger_rule\":\"none_failed_min_one_success\",\"priority_weight\":5}",
                "e<b{\"trigger_rule\":\"all_done\"}",
                "f<c,d,e{\"trigger_rule\":\"one_success\",\"retries\":1}",
                NULL};
        struct world_dag *wd;
        struct world w;

        assert_int_equal(world_init(&w, 4), 0);
        wd = core_fixture_put(&w, core_fixture_tasks("d", "\"max_active_runs\":2,", tasks));
        for (unsigned i = 0; i < 3; i++) {
                char id[8];

                snprintf(id, sizeof(id), "r%u", i);
                core_fixture_run(&w, wd, id, CORE_FIXTURE_NOW + i);
        }
        for (unsigned i = 0; i < 20000; i++) {
                usec_t now = CORE_FIXTURE_NOW + i * USEC_PER_SEC;

                random_event(&w, now);
                if (pick(3) == 0)
                        core_fixture_decide(&w, now);
                check(&w);
        }
        world_done(&w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_random_events),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
