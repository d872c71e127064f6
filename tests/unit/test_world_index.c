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
        unsigned n_live, n_ready, n_settle, n_retry, n_expand;
        unsigned n_slots;
        uint64_t seats;
};

static void count_one(struct trigger_rule_counts *c, const struct world_task *up) {
        c->n_upstream++;
        c->n_success += up->state == TASK_SUCCESS;
        c->n_failed += up->state == TASK_FAILED;
        c->n_skipped += up->state == TASK_SKIPPED;
        c->n_upstream_failed += up->state == TASK_UPSTREAM_FAILED;
        c->n_removed += up->state == TASK_REMOVED;
        c->n_setup += up->spec->is_setup;
        c->n_setup_success += up->spec->is_setup && up->state == TASK_SUCCESS;
        c->n_setup_skipped += up->spec->is_setup && up->state == TASK_SKIPPED;
}

static void check_counts(const struct world_task *t) {
        struct trigger_rule_counts c = {};

        for (size_t i = 0; t->all == t && i < t->spec->n_upstream; i++) {
                const struct world_task *up = &t->run->tasks[t->spec->upstream[i]];

                if (!up->is_expanded)
                        count_one(&c, up);
                for (unsigned m = 0; m < up->n_maps; m++)
                        count_one(&c, up->maps[m]);
        }
        assert_memory_equal(&c, &t->counts, sizeof(c));
}

static void check_skips_and_live(const struct world_task *t) {
        unsigned n_skippers = 0, n_live = t->is_expanded ? 0 : task_state_is_live(t->state);
        const struct world_task *other;

        world_each_task(other, t->run) {
                for (size_t i = 0; i < other->n_skips; i++)
                        n_skippers += &t->run->tasks[other->skips[i]] == t;
                n_live += t->is_expanded && other->all == t && task_state_is_live(other->state);
                if (other->n_skips > 0)
                        assert_int_equal(other->state, TASK_SUCCESS);
        }
        assert_int_equal(t->n_skippers, n_skippers);
        if (t->all == t)
                assert_int_equal(t->n_tries_live, n_live);
}

static void check_held(const struct world_task *t, struct tally *tally) {
        assert_int_equal(task_state_is_live(t->state) || t->state == TASK_DEFERRED,
                         t->pool != NULL);
        if (task_state_is_live(t->state) && t->spec->resources.n_leases > 0) {
                assert_int_equal(__builtin_popcountll(t->leases[0]), 1);
                assert_true((tally->seats & t->leases[0]) == 0);
                tally->seats |= t->leases[0];
        } else
                assert_true(t->leases[0] == 0);
        tally->n_slots += t->pool != NULL;
}

static void check_task(const struct world *w, const struct world_task *t, struct tally *tally) {
        check_counts(t);
        check_skips_and_live(t);
        if (t->is_expanded)
                assert_true(t->state == TASK_NONE && t->queue != WORLD_QUEUE_SETTLE);
        tally->n_live += task_state_is_live(t->state);
        tally->n_ready += t->queue == WORLD_QUEUE_READY;
        tally->n_settle += t->queue == WORLD_QUEUE_SETTLE;
        tally->n_retry += t->queue == WORLD_QUEUE_RETRY;
        tally->n_expand += t->queue == WORLD_QUEUE_EXPAND;
        assert_int_equal(task_state_is_live(t->state), t->queue == WORLD_QUEUE_LIVE);
        check_held(t, tally);
        if (task_state_is_finished(t->state) || t->run->state != RUN_RUNNING)
                assert_true(t->queue == WORLD_QUEUE_NONE || t->queue == WORLD_QUEUE_LIVE);
}

static void check_run(const struct world *w, const struct world_run *run, struct tally *tally) {
        unsigned n_unfinished = 0, n_failed = 0, n_live = 0;

        const struct world_task *t;

        for (size_t i = 0; i < run->spec->n_tasks; i++)
                if (run->tasks[i].is_expanded)
                        check_task(w, &run->tasks[i], tally);
        world_each_task(t, run) {
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
        TAILQ_FOREACH(t, &w->expand, in_queue)
        lists.n_expand++;
        lists.n_ready = (unsigned) w->n_ready;
        lists.n_slots = world_get_pool(w, "default_pool")->n_used;
        lists.seats = world_get_resource(w, "seat")->used;
        assert_memory_equal(&tally, &lists, sizeof(lists));
        assert_int_equal(w->n_live, tally.n_live);
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
        struct world_task *t = &run->tasks[pick((unsigned) run->spec->n_tasks)];

        return t->is_expanded && pick(9) > 0 ? t->maps[pick(t->n_maps)] : t;
}

static void random_event(struct world *w, usec_t now) {
        static const enum task_state marks[] = {TASK_SUCCESS, TASK_FAILED, TASK_SKIPPED};
        struct world_task *t = any_task(w);
        struct world_event e = {.at = now, .task = t, .try_id = t->try_id};
        struct world_touched touched;

        switch (pick(7)) {
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
                e.again_at = now + 5 * USEC_PER_SEC;
                if (t->spec->decides) {
                        e.skips = t->spec->downstream;
                        e.n_skips = pick((unsigned) t->spec->n_downstream + 1);
                }
                break;
        case 4:
                e.kind = WORLD_TRIGGER_FIRED;
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
                "g<a{\"decides\":\"branch\",\"wait_for_downstream\":true}",
                "h<g{\"expand\":{\"x\":{\"xcom\":\"g\"}},\"retries\":1}",
                "i<g,h{\"expand\":{\"x\":[1,2]},\"max_active_tis_per_dagrun\":1}",
                "j<i{\"setup\":true,\"resources\":{\"leases\":{\"seat\":1}}}",
                "k<j{\"trigger_rule\":\"all_done\",\"resources\":{\"leases\":{\"seat\":1}}}",
                "l<k{\"max_active_tis_per_dag\":1}",
                "m<l,j{\"teardown\":true}",
                NULL};
        struct world_dag *wd;
        struct world w;

        assert_int_equal(world_init(&w, 4), 0);
        assert_int_equal(world_put_resource(&w, "seat", 2), 0);
        world_get_pool(&w, "default_pool")->include_deferred = true;
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
