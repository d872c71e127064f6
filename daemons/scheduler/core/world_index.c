#include "daemons/scheduler/core/world_index.h"

#include <errno.h>
#include <string.h>

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

bool world_index_past_blocks(const struct world_task *t) {
        const struct world_run *prev;
        const struct world_task *past;

        if (!t->spec->depends_on_past)
                return false;
        prev = world_prev_run(t->run);
        past = prev ? world_get_task(prev, t->spec->id, t->map_index) : NULL;
        return past && past->state != TASK_SUCCESS && past->state != TASK_SKIPPED;
}

/* Where a task belongs whose run is running and that is neither finished nor live. */
static enum world_queue waiting_queue(struct world_task *t) {
        switch (trigger_rule_decide(t->spec->rule, &t->counts)) {
        case VERDICT_WAIT:
                return WORLD_QUEUE_NONE;
        case VERDICT_SKIP:
                t->verdict = TASK_SKIPPED;
                return WORLD_QUEUE_SETTLE;
        case VERDICT_UPSTREAM_FAILED:
                t->verdict = TASK_UPSTREAM_FAILED;
                return WORLD_QUEUE_SETTLE;
        case VERDICT_READY:
                break;
        }
        if (world_index_past_blocks(t))
                return WORLD_QUEUE_NONE;
        if (t->spec->kind == DAG_MARKER) {
                t->verdict = TASK_SUCCESS;
                return WORLD_QUEUE_SETTLE;
        }
        if (t->state == TASK_UP_FOR_RETRY)
                return WORLD_QUEUE_RETRY;
        return t->state == TASK_INTERRUPTED && t->retry_at != USEC_INFINITY ? WORLD_QUEUE_RETRY
                                                                            : WORLD_QUEUE_READY;
}

static void index_task(struct world *w, struct world_task *t) {
        enum world_queue q = WORLD_QUEUE_NONE;

        if (task_state_is_live(t->state))
                q = WORLD_QUEUE_LIVE;
        else if (t->run->indexed && t->run->state == RUN_RUNNING &&
                 !task_state_is_finished(t->state))
                q = waiting_queue(t);
        enqueue(w, t, q);
        assert(q != WORLD_QUEUE_SETTLE || task_state_is_finished(t->verdict));
}

static void index_tasks(struct world *w, struct world_run *run) {
        for (size_t i = 0; i < run->spec->n_tasks; i++)
                index_task(w, &run->tasks[i]);
}

/* The same task in the run after this one, when that looks back. */
static void index_future(struct world *w, const struct world_task *t) {
        struct world_run *next = world_next_of(t->run);
        struct world_task *future;

        if (!next || !next->spec->uses_past)
                return;
        future = world_get_task(next, t->spec->id, t->map_index);
        if (future)
                index_task(w, future);
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
        if (n > 0)
                t->pool = world_get_pool(w, t->spec->pool);
        if (t->pool)
                add(&t->pool->n_used, n * (int) t->spec->pool_slots);
        if (n < 0)
                t->pool = NULL;
}

static void count_task(struct world *w, struct world_task *t, int n) {
        if (!task_state_is_finished(t->state))
                add(&t->run->n_unfinished, n);
        if (is_failure(t->state))
                add(&t->run->n_failed, n);
        if (task_state_is_live(t->state))
                count_live(w, t, n);
}

static void count_run(struct world_run *run, int n) {
        if (run->state == RUN_RUNNING)
                add(&run->dag->n_running_runs, n);
        else if (run->state == RUN_QUEUED)
                add(&run->dag->n_queued_runs, n);
}

/* --- moves ------------------------------------------------------------------------------------ */

int world_index_move_task(struct world *w, struct world_task *t, enum task_state to) {
        const struct dag_task *spec = t->spec;

        assert(t->run->indexed && task_state_may_move(t->state, to));
        if (world_index_reserve(w, spec->n_downstream + 2) < 0)
                return -ENOMEM;

        enqueue(w, t, WORLD_QUEUE_NONE);
        count_task(w, t, -1);
        count_downstream(t, t->state, -1);
        t->state = to;
        count_task(w, t, 1);
        count_downstream(t, to, 1);

        index_task(w, t);
        for (size_t i = 0; i < spec->n_downstream; i++)
                index_task(w, &t->run->tasks[spec->downstream[i]]);
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
        if (world_index_reserve(w, run->spec->n_tasks) < 0)
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

int world_index_add_run(struct world *w, struct world_run *run) {
        struct world_run *next = run->spec->uses_past ? world_next_of(run) : NULL;

        assert(!run->indexed);
        if (world_index_reserve(w, run->spec->n_tasks + (next ? next->spec->n_tasks : 0)) < 0)
                return -ENOMEM;

        run->indexed = true;
        count_run(run, 1);
        if (!run_state_is_finished(run->state))
                TAILQ_INSERT_TAIL(&w->active, run, in_active);
        for (size_t i = 0; i < run->spec->n_tasks; i++) {
                count_task(w, &run->tasks[i], 1);
                count_downstream(&run->tasks[i], run->tasks[i].state, 1);
        }
        index_tasks(w, run);
        if (next && next->indexed) /* its past is this run now */
                index_tasks(w, next);
        return 0;
}

void world_index_remove_run(struct world *w, struct world_run *run) {
        if (!run->indexed)
                return;
        for (size_t i = 0; i < run->spec->n_tasks; i++) {
                enqueue(w, &run->tasks[i], WORLD_QUEUE_NONE);
                count_task(w, &run->tasks[i], -1);
        }
        if (!run_state_is_finished(run->state))
                TAILQ_REMOVE(&w->active, run, in_active);
        count_run(run, -1);
        run->indexed = false;
}
