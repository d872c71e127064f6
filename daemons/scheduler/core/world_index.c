#include "daemons/scheduler/core/world_index.h"

#include <errno.h>
#include <string.h>

#include "daemons/scheduler/core/world_leases.h"
#include "daemons/scheduler/core/world_maps.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* --- the ready array -------------------------------------------------------------------------- */

/* Heavier first, then older runs, then the order within the DAG. Never 0 for different tasks. */
static int compare_ready(const struct world_task *a, const struct world_task *b) {
        if (a->spec->weight != b->spec->weight)
                return a->spec->weight > b->spec->weight ? -1 : 1;
        if (a->run->seq != b->run->seq)
                return a->run->seq < b->run->seq ? -1 : 1;
        if (a->spec->index != b->spec->index)
                return a->spec->index < b->spec->index ? -1 : 1;
        return a->map_index - b->map_index;
}

/* Where the task stands, or would. */
static size_t ready_place(const struct world *w, const struct world_task *t) {
        size_t lo = 0, hi = w->n_ready;

        while (lo < hi) {
                size_t mid = lo + (hi - lo) / 2;

                if (compare_ready(w->ready[mid], t) < 0)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

int world_index_reserve(struct world *w, size_t n) {
        return mem_grow((void **) &w->ready, &w->n_ready_allocated, w->n_ready + n,
                        sizeof(struct world_task *));
}

static void ready_add(struct world *w, struct world_task *t) {
        size_t i = ready_place(w, t);

        assert(w->n_ready < w->n_ready_allocated);
        memmove(w->ready + i + 1, w->ready + i, (w->n_ready - i) * sizeof(struct world_task *));
        w->ready[i] = t;
        w->n_ready++;
        w->n_ready_new += t->state != TASK_SCHEDULED;
}

static void ready_remove(struct world *w, const struct world_task *t) {
        size_t i = ready_place(w, t);

        assert(i < w->n_ready && w->ready[i] == t);
        w->n_ready--;
        w->n_ready_new -= t->state != TASK_SCHEDULED;
        memmove(w->ready + i, w->ready + i + 1, (w->n_ready - i) * sizeof(struct world_task *));
}

/* --- queues ----------------------------------------------------------------------------------- */

static struct world_tasks *queue_list(struct world *w, enum world_queue q) {
        assert(q != WORLD_QUEUE_READY && q < _WORLD_QUEUE_MAX);
        if (q == WORLD_QUEUE_SETTLE)
                return &w->settle;
        if (q == WORLD_QUEUE_RETRY)
                return &w->retry;
        if (q == WORLD_QUEUE_EXPAND)
                return &w->expand;
        return q == WORLD_QUEUE_LIVE ? &w->live : NULL;
}

static void enqueue(struct world *w, struct world_task *t, enum world_queue q) {
        if (t->queue == q)
                return;
        if (t->queue == WORLD_QUEUE_READY)
                ready_remove(w, t);
        else if (t->queue != WORLD_QUEUE_NONE)
                TAILQ_REMOVE(queue_list(w, t->queue), t, in_queue);
        if (q == WORLD_QUEUE_READY)
                ready_add(w, t);
        else if (q != WORLD_QUEUE_NONE)
                TAILQ_INSERT_TAIL(queue_list(w, q), t, in_queue);
        t->queue = q;
}

/* Did the task of that name, if the run has it, end well? */
static bool is_past_good(const struct world_run *prev, const char *task_id) {
        const struct world_task *past = world_get_task(prev, task_id, -1);

        return !past || world_maps_good(past);
}

bool world_index_past_blocks(const struct world_task *t) {
        const struct world_run *prev;

        if (!t->spec->depends_on_past || t->run->ignores_past)
                return false;
        prev = world_prev_run(t->run);
        if (!prev)
                return false;
        if (!is_past_good(prev, t->spec->id))
                return true;
        for (size_t i = 0; t->spec->wait_for_downstream && i < t->spec->n_downstream; i++)
                if (!is_past_good(prev, t->run->spec->tasks[t->spec->downstream[i]].id))
                        return true;
        return false;
}

/* What one guard says: of a teardown, whether it has ended; else whether it succeeded. */
static enum trigger_rule_verdict guard_says(const struct world_task *t, bool end_is_enough) {
        if (!task_state_is_finished(t->state))
                return VERDICT_WAIT;
        if (end_is_enough || t->state == TASK_SUCCESS)
                return VERDICT_READY;
        if (t->state == TASK_SKIPPED)
                return VERDICT_SKIP;
        return t->state == TASK_REMOVED ? VERDICT_READY : VERDICT_UPSTREAM_FAILED;
}

/* The heaviest word of several: failed, skipped, wait, ready. */
static enum trigger_rule_verdict heavier(enum trigger_rule_verdict a, enum trigger_rule_verdict b) {
        static const int weights[] = {[VERDICT_READY] = 0,
                                      [VERDICT_WAIT] = 1,
                                      [VERDICT_SKIP] = 2,
                                      [VERDICT_UPSTREAM_FAILED] = 3};

        return weights[a] >= weights[b] ? a : b;
}

static enum trigger_rule_verdict guards_say(const struct world_task *all) {
        enum trigger_rule_verdict v = VERDICT_READY;

        for (size_t i = 0; i < all->spec->n_guards; i++) {
                const struct world_task *g = &all->run->tasks[all->spec->guards[i]];

                if (!g->is_expanded)
                        v = heavier(v, guard_says(g, all->spec->is_teardown));
                for (unsigned m = 0; g->is_expanded && m < g->n_maps; m++)
                        v = heavier(v, guard_says(g->maps[m], all->spec->is_teardown));
        }
        return v;
}

enum trigger_rule_verdict world_index_verdict(const struct world_task *t) {
        const struct world_task *all = t->all;
        enum trigger_rule_verdict guards, rule;

        if (all->n_skippers > 0)
                return VERDICT_SKIP;
        rule = trigger_rule_decide(all->spec->rule, &all->counts);
        if (all->spec->n_guards == 0 || all->spec->rule == RULE_ALWAYS)
                return rule;
        guards = guards_say(all);
        if (guards == VERDICT_SKIP || guards == VERDICT_UPSTREAM_FAILED)
                return guards;
        return rule == VERDICT_READY ? guards : rule;
}

static enum world_queue settle_as(struct world_task *t, enum task_state verdict) {
        /* an expanded task has its instances settled */
        if (t->is_expanded)
                return WORLD_QUEUE_NONE;
        t->verdict = verdict;
        return WORLD_QUEUE_SETTLE;
}

static enum world_queue retry_queue(const struct world_task *t) {
        switch (t->state) {
        case TASK_UP_FOR_RETRY:
        case TASK_UP_FOR_RESCHEDULE:
        case TASK_DEFERRED:
                return WORLD_QUEUE_RETRY;
        case TASK_INTERRUPTED:
                return t->retry_at != USEC_INFINITY ? WORLD_QUEUE_RETRY : WORLD_QUEUE_READY;
        default:
                return WORLD_QUEUE_READY;
        }
}

/* Where a task belongs whose run is running and that is neither finished nor live. */
static enum world_queue waiting_queue(struct world_task *t) {
        switch (world_index_verdict(t)) {
        case VERDICT_WAIT:
                return WORLD_QUEUE_NONE;
        case VERDICT_SKIP:
                return settle_as(t, TASK_SKIPPED);
        case VERDICT_UPSTREAM_FAILED:
                return settle_as(t, TASK_UPSTREAM_FAILED);
        case VERDICT_READY:
                break;
        }
        if (world_index_past_blocks(t))
                return WORLD_QUEUE_NONE;
        if (t->spec->kind == DAG_MARKER)
                return settle_as(t, TASK_SUCCESS);
        if (t->all->needs_expand)
                return t == t->all ? WORLD_QUEUE_EXPAND : WORLD_QUEUE_NONE;
        return t->is_expanded ? WORLD_QUEUE_NONE : retry_queue(t);
}

/* What a branch leaves out is skipped, also where a failure elsewhere was noticed before. */
static bool is_left_out(const struct world_task *t) {
        return t->state == TASK_UPSTREAM_FAILED && t == t->all && t->n_skippers > 0;
}

static void index_task(struct world *w, struct world_task *t) {
        enum world_queue q = WORLD_QUEUE_NONE;

        if (task_state_is_live(t->state))
                q = WORLD_QUEUE_LIVE;
        else if (t->run->indexed && t->run->state == RUN_RUNNING &&
                 !task_state_is_finished(t->state))
                q = waiting_queue(t);
        else if (t->run->indexed && t->run->state == RUN_RUNNING && is_left_out(t))
                q = settle_as(t, TASK_SKIPPED);
        enqueue(w, t, q);
        assert(q != WORLD_QUEUE_SETTLE || task_state_is_finished(t->verdict));
}

void world_index_all(struct world *w, struct world_task *all) {
        assert(all->all == all);
        index_task(w, all);
        for (unsigned i = 0; i < all->n_maps; i++)
                index_task(w, all->maps[i]);
}

static void index_tasks(struct world *w, struct world_run *run) {
        for (size_t i = 0; i < run->spec->n_tasks; i++)
                world_index_all(w, &run->tasks[i]);
}

/* Those behind a task that has moved. */
static void index_behind(struct world *w, const struct world_task *t) {
        const struct dag_task *spec = t->spec;

        for (size_t i = 0; i < spec->n_downstream; i++)
                world_index_all(w, &t->run->tasks[spec->downstream[i]]);
        for (size_t i = 0; i < spec->n_guarded; i++)
                world_index_all(w, &t->run->tasks[spec->guarded[i]]);
}

/* The run after this one, when that looks back. */
static struct world_run *future_of(const struct world_run *run) {
        struct world_run *next = world_next_of(run);

        return next && next->spec->uses_past ? next : NULL;
}

/* The same task in the run after this one, and what waits there for the ends behind its past. */
static void index_future(struct world *w, const struct world_task *t) {
        struct world_run *next = future_of(t->run);
        struct world_task *future = next ? world_get_task(next, t->spec->id, -1) : NULL;

        if (!future)
                return;
        world_index_all(w, future);
        for (size_t i = 0; i < future->spec->n_upstream; i++) {
                struct world_task *up = &next->tasks[future->spec->upstream[i]];

                if (up->spec->wait_for_downstream)
                        world_index_all(w, up);
        }
}

static size_t n_affected(const struct world_run *run) {
        const struct world_run *next = future_of(run);

        return run->n_all + (next ? next->n_all : 0) + 2;
}

/* --- counters --------------------------------------------------------------------------------- */

static void add(unsigned *counter, int n) {
        assert(n > 0 || *counter > 0);
        *counter += (unsigned) n;
}

/* A task in this state, as its downstream tasks count it. */
static void count_upstream(struct trigger_rule_counts *c, const struct world_task *up,
                           enum task_state s, int n) {
        switch (s) {
        case TASK_SUCCESS:
                add(&c->n_success, n);
                if (up->spec->is_setup)
                        add(&c->n_setup_success, n);
                break;
        case TASK_SKIPPED:
                add(&c->n_skipped, n);
                if (up->spec->is_setup)
                        add(&c->n_setup_skipped, n);
                break;
        case TASK_FAILED:
                add(&c->n_failed, n);
                break;
        case TASK_UPSTREAM_FAILED:
                add(&c->n_upstream_failed, n);
                break;
        case TASK_REMOVED:
                add(&c->n_removed, n);
                break;
        default:
                assert(!task_state_is_finished(s));
        }
}

static void count_downstream(const struct world_task *t, enum task_state s, int n) {
        const struct dag_task *spec = t->spec;

        for (size_t i = 0; i < spec->n_downstream; i++)
                count_upstream(&t->run->tasks[spec->downstream[i]].counts, t, s, n);
}

static bool is_failure(enum task_state s) {
        return s == TASK_FAILED || s == TASK_UPSTREAM_FAILED;
}

static void count_live(struct world *w, struct world_task *t, int n) {
        add(&w->n_live, n);
        add(&t->run->n_live, n);
        add(&t->all->n_tries_live, n);
        world_leases_count(w, t, n);
}

static void take_slots(struct world *w, struct world_task *t) {
        struct world_pool *pool = world_get_pool(w, t->spec->pool);

        if (!pool || (t->state == TASK_DEFERRED && !pool->include_deferred))
                return;
        t->pool = pool;
        add(&pool->n_used, (int) t->spec->pool_slots);
}

static void give_slots(struct world_task *t) {
        if (t->pool)
                add(&t->pool->n_used, -(int) t->spec->pool_slots);
        t->pool = NULL;
}

/* What stands for its instances is not counted: they are. */
static void count_task(struct world *w, struct world_task *t, int n) {
        if (t->is_expanded)
                return;
        if (!task_state_is_finished(t->state))
                add(&t->run->n_unfinished, n);
        if (is_failure(t->state))
                add(&t->run->n_failed, n);
        if (task_state_is_live(t->state))
                count_live(w, t, n);
        if (n < 0)
                give_slots(t);
        else if (task_state_is_live(t->state) || t->state == TASK_DEFERRED)
                take_slots(w, t);
}

/* Runs of a backfill are limited by that. */
static void count_run(struct world_run *run, int n) {
        if (run->backfill)
                return;
        if (run->state == RUN_RUNNING)
                add(&run->dag->n_running_runs, n);
        else if (run->state == RUN_QUEUED)
                add(&run->dag->n_queued_runs, n);
}

/* --- moves ------------------------------------------------------------------------------------ */

int world_index_move_task(struct world *w, struct world_task *t, enum task_state to) {
        assert(t->run->indexed && task_state_may_move(t->state, to) && !t->is_expanded);
        if (world_index_reserve(w, n_affected(t->run)) < 0)
                return -ENOMEM;

        enqueue(w, t, WORLD_QUEUE_NONE);
        count_task(w, t, -1);
        count_downstream(t, t->state, -1);
        t->state = to;
        count_task(w, t, 1);
        count_downstream(t, to, 1);

        index_task(w, t);
        index_behind(w, t);
        index_future(w, t);
        return 0;
}

/* It leaves the ready array or stays out of it, so no room is needed. */
void world_index_again(struct world *w, struct world_task *t) {
        assert(!task_state_is_live(t->state));
        index_task(w, t);
}

int world_index_move_run(struct world *w, struct world_run *run, enum run_state to) {
        assert(run->indexed && run_state_may_move(run->state, to));
        if (world_index_reserve(w, run->n_all) < 0)
                return -ENOMEM;

        count_run(run, -1);
        if (run_state_is_finished(run->state) && !run_state_is_finished(to))
                TAILQ_INSERT_TAIL(&w->active, run, in_active);
        else if (!run_state_is_finished(run->state) && run_state_is_finished(to))
                TAILQ_REMOVE(&w->active, run, in_active);
        run->state = to;
        count_run(run, 1);
        index_tasks(w, run);
        return 0;
}

/* Everything behind a task that has n instances in place of one counts them all. */
static void count_instances(const struct world_task *all, int n_more) {
        const struct dag_task *spec = all->spec;

        for (size_t i = 0; i < spec->n_downstream; i++) {
                struct trigger_rule_counts *c = &all->run->tasks[spec->downstream[i]].counts;

                c->n_upstream = (unsigned) ((int) c->n_upstream + n_more);
                if (spec->is_setup)
                        c->n_setup = (unsigned) ((int) c->n_setup + n_more);
        }
}

int world_index_expand(struct world *w, struct world_task *all, unsigned n) {
        unsigned n_old = all->n_maps;
        int n_before = all->is_expanded ? (int) all->n_maps : 1;

        assert(all->all == all && all->run->indexed && (n > 0 || all->is_expanded));
        if (world_maps_reserve(all, n) < 0 || world_index_reserve(w, n_affected(all->run)) < 0)
                return -ENOMEM;
        enqueue(w, all, WORLD_QUEUE_NONE);
        count_task(w, all, -1);
        all->is_expanded = true;
        count_instances(all, (int) all->n_maps - n_before);
        for (unsigned i = n_old; i < all->n_maps; i++)
                count_task(w, all->maps[i], 1);
        all->needs_expand = false;
        for (unsigned i = 0; i < n_old; i++) {
                struct world_task *t = all->maps[i];
                enum task_state to = i < n ? TASK_NONE : TASK_REMOVED;
                int r = t->state == to ? 0 : world_index_move_task(w, t, to);

                assert(r == 0); /* room is there */
        }
        world_index_all(w, all);
        index_behind(w, all);
        return 0;
}

void world_index_skip(struct world *w, struct world_task *t, int n) {
        for (size_t i = 0; i < t->n_skips; i++) {
                struct world_task *all = &t->run->tasks[t->skips[i]];

                assert(t->skips[i] < t->run->spec->n_tasks);
                add(&all->n_skippers, n);
                if (t->run->indexed)
                        world_index_all(w, all);
        }
}

/* What the rows of the tasks do not say. */
static void derive(struct world *w, struct world_run *run) {
        struct world_task *t;

        for (size_t i = 0; i < run->spec->n_tasks; i++) {
                struct world_task *all = &run->tasks[i];

                if (!all->is_expanded)
                        continue;
                all->needs_expand = !world_maps_begun(all);
                count_instances(all, (int) all->n_maps - 1);
        }
        world_each_task(t, run) if (t->state == TASK_SUCCESS) world_index_skip(w, t, 1);
}

int world_index_add_run(struct world *w, struct world_run *run) {
        struct world_run *next = run->spec->uses_past ? world_next_of(run) : NULL;
        struct world_task *t;

        assert(!run->indexed);
        if (world_index_reserve(w, run->n_all + (next ? next->n_all : 0)) < 0)
                return -ENOMEM;

        derive(w, run);
        run->indexed = true;
        count_run(run, 1);
        if (!run_state_is_finished(run->state))
                TAILQ_INSERT_TAIL(&w->active, run, in_active);
        world_each_task(t, run) {
                count_task(w, t, 1);
                count_downstream(t, t->state, 1);
        }
        index_tasks(w, run);
        if (next && next->indexed) /* its past is this run now */
                index_tasks(w, next);
        return 0;
}

void world_index_remove_run(struct world *w, struct world_run *run) {
        struct world_task *t;

        if (!run->indexed)
                return;
        for (size_t i = 0; i < run->spec->n_tasks; i++)
                enqueue(w, &run->tasks[i], WORLD_QUEUE_NONE);
        world_each_task(t, run) {
                enqueue(w, t, WORLD_QUEUE_NONE);
                count_task(w, t, -1);
        }
        if (!run_state_is_finished(run->state))
                TAILQ_REMOVE(&w->active, run, in_active);
        count_run(run, -1);
        run->indexed = false;
}
