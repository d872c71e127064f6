/* Nights by the hundred, against a model that knows nothing of the world's
 * counters and queues: it reads the history alone and says what may never
 * happen. */
#include "tests/unit/core_fixture.h"

#include "daemons/scheduler/core/sim.h"

/* What the model remembers of one task instance. */
struct seen {
        const struct world_run *run;
        const struct world_task *task;
        unsigned n_tries;
        unsigned n_failures;
        bool is_running;
        bool is_settled;
        bool comes_again; /* the next try has the number of this one */
        bool is_skipped;  /* somebody decided so */
        enum task_state state;
};

struct model {
        struct seen *seen;
        size_t n;
        size_t n_allocated;
        unsigned n_running;
        unsigned parallelism;
        bool is_night;
        usec_t last_at;
        unsigned long n_finished_runs;
        struct {
                const struct world_dag *dag;
                usec_t logical_at; /* of its latest run */
        } dags[8];
};

static struct seen *find(struct model *m, const struct world_task *t) {
        for (size_t i = m->n; i > 0; i--)
                if (m->seen[i - 1].task == t && m->seen[i - 1].run == t->run)
                        return &m->seen[i - 1];
        assert_int_equal(mem_grow((void **) &m->seen, &m->n_allocated, m->n + 1, sizeof(*m->seen)),
                         0);
        m->seen[m->n] = (struct seen){.run = t->run, .task = t};
        return &m->seen[m->n++];
}

static void check_success(struct model *m, const struct world_task *t, enum trigger_rule rule) {
        const struct seen *s = find(m, t);

        if (!s->is_settled)
                fail_msg("%s[%d] has not ended, it is %s", t->spec->id, t->map_index,
                         task_state_name(t->state));
        if (rule == RULE_ALL_SUCCESS)
                assert_int_equal(s->state, TASK_SUCCESS);
}

static void check_end(struct model *m, const struct world_task *all, enum trigger_rule rule) {
        if (!all->is_expanded)
                check_success(m, all, rule);
        for (unsigned k = 0; k < all->n_maps; k++)
                check_success(m, all->maps[k], rule);
}

/* Rules here are all_success, or those that want every end: a try may begin
 * only when every upstream task, of a mapped one every instance, has ended so.
 */
static void check_upstream(struct model *m, const struct world_task *t) {
        assert_false(find(m, t->all)->is_skipped);
        for (size_t i = 0; i < t->spec->n_upstream; i++)
                check_end(m, &t->run->tasks[t->spec->upstream[i]], t->spec->rule);
        for (size_t i = 0; i < t->spec->n_guards; i++)
                check_end(m, &t->run->tasks[t->spec->guards[i]],
                          t->spec->is_teardown ? RULE_ALL_DONE : RULE_ALL_SUCCESS);
}

/* Each unit of a resource is held by one try, and a try holds what it asked
 * for. */
static void check_leases(struct model *m, const struct world_task *t) {
        uint64_t held = 0;

        if (t->spec->resources.n_leases == 0)
                return;
        assert_true(t->leases[0] != 0);
        for (size_t i = 0; i < m->n; i++)
                if (m->seen[i].is_running && m->seen[i].task != t &&
                    m->seen[i].task->spec->resources.n_leases > 0)
                        held |= m->seen[i].task->leases[0];
        assert_true((held & t->leases[0]) == 0);
}

/* Of the pool whose deferred tasks hold their slots no more of both than it
 * has. */
static void check_pool(struct model *m, const struct world_task *t) {
        unsigned n = 0;

        if (strcmp(t->spec->pool, "waits") != 0)
                return;
        for (size_t i = 0; i < m->n; i++)
                if (strcmp(m->seen[i].task->spec->pool, "waits") == 0)
                        n += m->seen[i].is_running || m->seen[i].task->state == TASK_DEFERRED;
        assert_true(n <= 2);
}

/* The runs of a DAG, of several schedules too, have one date each, in order. */
static void run_created(struct model *m, const struct sim_fact *f) {
        size_t i = 0;

        while (m->dags[i].dag && m->dags[i].dag != f->run->dag)
                assert_true(++i < ARRAY_SIZE(m->dags));
        if (m->dags[i].dag)
                assert_true(f->run->when.logical_at > m->dags[i].logical_at);
        m->dags[i].dag = f->run->dag;
        m->dags[i].logical_at = f->run->when.logical_at;
}

/* Of a limited task no more instances at once than it allows. */
static void check_limits(struct model *m, const struct world_task *t) {
        unsigned n_dag = 0, n_run = 0;

        for (size_t i = 0; i < m->n; i++) {
                const struct seen *s = &m->seen[i];

                if (!s->is_running || strcmp(s->task->spec->id, t->spec->id) != 0 ||
                    s->run->dag != t->run->dag)
                        continue;
                n_dag++;
                n_run += s->run == t->run;
        }
        if (t->spec->max_active_per_dag > 0)
                assert_true(n_dag <= t->spec->max_active_per_dag);
        if (t->spec->max_active_per_run > 0)
                assert_true(n_run <= t->spec->max_active_per_run);
}

static void try_started(struct model *m, const struct sim_fact *f) {
        struct seen *s;

        check_upstream(m, f->task);
        s = find(m, f->task);
        assert_false(m->is_night);
        assert_false(s->is_running); /* never twice at once */
        assert_false(s->is_settled); /* never again after its end */
        s->n_tries += !s->comes_again;
        assert_int_equal(f->try_number, s->n_tries);
        s->comes_again = false;
        s->is_running = true;
        check_leases(m, f->task);
        check_limits(m, f->task);
        check_pool(m, f->task);
        m->n_running++;
        assert_true(m->n_running <= m->parallelism);
}

/* A try that a night ends before it began is counted, but was never seen to
 * start. */
static void try_ended(struct model *m, const struct sim_fact *f) {
        struct seen *s = find(m, f->task);

        assert_false(s->is_settled);
        if (s->is_running)
                m->n_running--;
        else {
                assert_int_equal(f->result, WORLD_RESULT_STOPPED);
                s->n_tries += !s->comes_again;
                s->comes_again = false;
        }
        for (size_t i = 0; i < f->n_skips; i++)
                find(m, &f->run->tasks[f->skips[i]])->is_skipped = true;
        s = find(m, f->task); /* the list may have moved */
        s->is_running = false;
        s->state = f->task_state;
        s->is_settled = task_state_is_finished(f->task_state);
        if (f->result == WORLD_RESULT_FAILED)
                s->n_failures++;

        /* a night is no failure, and each failure uses one retry */
        if (f->result == WORLD_RESULT_STOPPED || f->result == WORLD_RESULT_INTERRUPTED)
                assert_int_equal(f->task_state, TASK_INTERRUPTED);
        else if (f->result == WORLD_RESULT_FAILED)
                assert_int_equal(f->task_state, s->n_failures > f->task->spec->retries
                                                        ? TASK_FAILED
                                                        : TASK_UP_FOR_RETRY);
        else if (f->result == WORLD_RESULT_RESCHEDULED) {
                assert_int_equal(f->task_state, TASK_UP_FOR_RESCHEDULE);
                s->comes_again = true;
        } else if (f->result == WORLD_RESULT_DEFERRED) {
                assert_int_equal(f->task_state, TASK_DEFERRED);
                s->comes_again = true;
        } else
                assert_int_equal(f->task_state,
                                 f->result == WORLD_RESULT_SUCCESS ? TASK_SUCCESS : TASK_SKIPPED);
}

static void task_settled(struct model *m, const struct sim_fact *f) {
        struct seen *s = find(m, f->task);

        assert_false(s->is_settled);
        assert_false(s->is_running);
        assert_true(f->task_state == TASK_SKIPPED || f->task_state == TASK_UPSTREAM_FAILED);
        s->is_settled = true;
        s->state = f->task_state;
}

/* Nothing is lost: every task of a finished run has its end; and the verdict is
 * that of the ends.
 */
static void run_finished(struct model *m, const struct sim_fact *f) {
        bool failed = false;
        size_t kept = 0;

        const struct world_task *t;

        world_each_task(t, f->run) {
                const struct seen *s = find(m, t);
                bool is_leaf = t->spec->n_downstream == 0 && !t->spec->is_teardown;

                assert_true(s->is_settled);
                for (size_t i = 0; i < t->spec->n_downstream; i++)
                        is_leaf = is_leaf ||
                                  (t->spec->n_downstream == 1 && !t->spec->is_teardown &&
                                   f->run->spec->tasks[t->spec->downstream[i]].is_teardown);
                if (is_leaf)
                        failed = failed || s->state == TASK_FAILED ||
                                 s->state == TASK_UPSTREAM_FAILED;
        }
        assert_int_equal(f->run_state, failed ? RUN_FAILED : RUN_SUCCESS);
        for (size_t i = 0; i < m->n; i++)
                if (m->seen[i].run != f->run)
                        m->seen[kept++] = m->seen[i];
        m->n = kept;
        m->n_finished_runs++;
}

static int on_fact(void *user, const struct sim_fact *f) {
        struct model *m = user;

        assert_true(f->at >= m->last_at);
        m->last_at = f->at;
        switch (f->what) {
        case SIM_TRY_STARTED:
                try_started(m, f);
                break;
        case SIM_TRY_ENDED:
                try_ended(m, f);
                break;
        case SIM_TASK_SETTLED:
                task_settled(m, f);
                break;
        case SIM_RUN_FINISHED:
                run_finished(m, f);
                break;
        case SIM_NIGHT:
        case SIM_MORNING:
                m->is_night = f->what == SIM_NIGHT;
                break;
        case SIM_TASK_EXPANDED: /* into nothing: skipped */
                assert_true(f->n_maps <= 4);
                if (f->n_maps == 0) {
                        find(m, f->task)->is_settled = true;
                        find(m, f->task)->state = TASK_SKIPPED;
                }
                break;
        case SIM_DEADLINE_MISSED:
                assert_true(f->at >= f->run->when.logical_at + USEC_PER_HOUR);
                break;
        case SIM_RUN_CREATED:
                run_created(m, f);
                break;
        }
        return 0;
}

static void put_dags(struct world *w) {
        static const char *const diamond[] = {"a", "b<a", "c<a{\"retries\":2}", "d<b,c", NULL};
        static const char *const chain[] = {"a",   "b<a", "c<b{\"retries\":1,\"retry_delay\":600}",
                                            "d<c", "e<d", NULL};
        static const char *const wide[] = {"s",
                                           "w1<s",
                                           "w2<s",
                                           "w3<s{\"pool\":\"gpu\"}",
                                           "w4<s{\"pool\":\"gpu\"}",
                                           "e<w1,w2,w3,w4",
                                           NULL};

        static const char *const mapped[] = {
                "list{\"setup\":true}",
                "each<list{\"expand\":{\"x\":{\"xcom\":\"list\"}},\"retries\":1,"
                "\"max_active_tis_per_dagrun\":2,\"resources\":{\"leases\":{\"seat\":1}}"
                "}",
                "pair<list{\"expand\":{\"x\":[1,2],\"y\":[3,4]},\"max_active_tis_per_"
                "dag\":2}",
                "sum<each,pair",
                "clean<sum,list{\"teardown\":true}",
                NULL};
        static const char *const branches[] = {"which{\"decides\":\"branch\"}",
                                               "left<which",
                                               "right<which{\"decides\":\"short_circuit\"}",
                                               "far<right",
                                               "farther<far",
                                               "wait<which{\"wait_for_downstream\":false}",
                                               NULL};

        static const char *const defers[] = {
                "list",
                "b<list{\"pool\":\"waits\",\"retries\":1}",
                "c<list{\"pool\":\"waits\"}",
                "each<list{\"expand\":{\"x\":{\"xcom\":\"list\"}},\"pool\":\"waits\"}",
                "e<b,c,each",
                NULL};

        assert_int_equal(world_put_pool(w, "gpu", 1), 0);
        assert_int_equal(world_put_pool(w, "waits", 2), 0);
        world_get_pool(w, "waits")->include_deferred = true;
        core_fixture_put(w, core_fixture_tasks("defers",
                                               "\"schedule\":{\"cron\":[\"10 */4 * * *\","
                                               "\"40 1-23/6 * * *\",\"10 8 * * 1\"]},"
                                               "\"missed\":\"all\","
                                               "\"start_date\":\"2026-01-01\",",
                                               defers));
        assert_int_equal(world_put_resource(w, "seat", 2), 0);
        core_fixture_put(w, core_fixture_tasks("mapped",
                                               "\"schedule\":\"15 */2 * * *\","
                                               "\"deadlines\":[{\"after\":\"1h\"}],",
                                               mapped));
        core_fixture_put(w,
                         core_fixture_tasks("branches", "\"schedule\":\"5 * * * *\",", branches));
        core_fixture_put(w, core_fixture_tasks("diamond",
                                               "\"schedule\":\"0 * * * *\",\"missed\":\"all\","
                                               "\"start_date\":\"2026-01-01\",",
                                               diamond));
        core_fixture_put(w, core_fixture_tasks("chain",
                                               "\"schedule\":\"30 6 * * *\",\"missed\":\"last\","
                                               "\"start_date\":\"2026-01-01\",",
                                               chain));
        core_fixture_put(w, core_fixture_tasks("wide",
                                               "\"schedule\":\"*/20 * * * *\",\"missed\":\"skip\","
                                               "\"max_active_runs\":2,\"max_active_tasks\":3,",
                                               wide));
}

static void simulate(uint64_t seed, unsigned n_nights, struct sim_summary *ret) {
        struct sim_config c = {
                .seed = seed,
                .start_at = CORE_FIXTURE_NOW + USEC_PER_HOUR,
                .n_nights = n_nights,
                .night_at_for = 19 * USEC_PER_HOUR + seed % 7 * USEC_PER_MINUTE,
                .night_for = 9 * USEC_PER_HOUR,
                .task_min_for = USEC_PER_SEC,
                .task_max_for = 90 * USEC_PER_MINUTE,
                .fail_percent = 8,
                .skip_percent = 3,
                .come_again_percent = 5,
                .defer_percent = 15,
                .maps_max = 4,
                .restart_percent = 5,
                .crash_percent = 50,
        };
        struct model m = {.parallelism = 6};
        struct world w;

        assert_int_equal(world_init(&w, m.parallelism), 0);
        put_dags(&w);
        assert_int_equal(sim_run(&w, &c, on_fact, &m, ret), 0);
        assert_int_equal(m.n_running, 0);
        assert_int_equal(ret->n_stuck, 0);
        assert_int_equal(m.n_finished_runs, ret->n_runs);
        assert_int_equal(ret->n_runs_success + ret->n_runs_failed, ret->n_runs);
        mem_free(m.seen);
        world_done(&w);
}

static void test_many_nights(void **state) {
        struct sim_summary sum;
        unsigned long n_deferred = 0, n_interrupted = 0, n_restarts = 0, n_runs = 0, n_expanded = 0,
                      n_late = 0;

        for (uint64_t seed = 1; seed <= 40; seed++) {
                simulate(seed, 10, &sum);
                n_interrupted += sum.n_interrupted;
                n_restarts += sum.n_restarts;
                n_deferred += sum.n_deferred;
                n_runs += sum.n_runs;
                n_expanded += sum.n_expanded;
                n_late += sum.n_deadlines_missed;
        }
        /* it did go through what it is about */
        assert_true(n_interrupted > 400);
        assert_true(n_restarts > 400);
        assert_true(n_deferred > 1000);
        assert_true(n_runs > 10000);
        assert_true(n_expanded > 1000);
        assert_true(n_late > 100);
}

/* One year of one machine: what has been deferred for days, and the calendar
 * with it. */
static void test_a_year(void **state) {
        struct sim_summary sum;

        simulate(365, 365, &sum);
        assert_true(sum.n_deferred > 1000);
        assert_true(sum.n_interrupted > 300);
        assert_true(sum.n_runs > 10000);
}

/* "all" makes every run of the hours off, each exactly once, in order. */
static void test_missed_all_makes_every_run(void **state) {
        struct sim_summary sum;
        static const char *const one[] = {"a", NULL};
        struct sim_config c = {.seed = 7,
                               .start_at = CORE_FIXTURE_NOW,
                               .n_nights = 30,
                               .night_at_for = 18 * USEC_PER_HOUR + 1,
                               .night_for = 12 * USEC_PER_HOUR,
                               .task_min_for = USEC_PER_SEC,
                               .task_max_for = USEC_PER_MINUTE};
        struct model m = {.parallelism = 4};
        struct world w;

        assert_int_equal(world_init(&w, 4), 0);
        core_fixture_put(&w, core_fixture_tasks("hourly",
                                                "\"schedule\":\"0 * * * *\",\"missed\":\"all\","
                                                "\"start_date\":\"2026-01-01\",",
                                                one));
        assert_int_equal(sim_run(&w, &c, on_fact, &m, &sum), 0);
        /* the last night ends at 06:00 of the 31st: every hour from 00:00 of the 1st
         * until then */
        assert_int_equal(sum.n_runs, 29 * 24 + 18 + 1);
        assert_int_equal(sum.n_runs_success, sum.n_runs);
        mem_free(m.seen);
        world_done(&w);
}

/* The same seed tells the same story. */
static void test_is_deterministic(void **state) {
        struct sim_summary a, b;

        simulate(11, 5, &a);
        simulate(11, 5, &b);
        assert_memory_equal(&a, &b, sizeof(a));
        simulate(12, 5, &b);
        assert_true(memcmp(&a, &b, sizeof(a)) != 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_many_nights),
                cmocka_unit_test(test_a_year),
                cmocka_unit_test(test_missed_all_makes_every_run),
                cmocka_unit_test(test_is_deterministic),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
