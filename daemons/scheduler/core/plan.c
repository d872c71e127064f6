#include "daemons/scheduler/core/plan.h"

#include <errno.h>
#include <stdio.h>

#include "daemons/scheduler/core/world_leases.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"

/* One pass: what is fixed in it, and where its answers go. */
struct pass {
        struct world *w;
        usec_t now;
        struct plan *plan;
        unsigned planned_live;
};

static int add(struct pass *p, const struct plan_decision *d) {
        struct plan *plan = p->plan;
        int r = mem_grow((void **) &plan->decisions, &plan->n_allocated, plan->n + 1,
                         sizeof(*plan->decisions));

        if (r < 0)
                return r;
        plan->decisions[plan->n++] = *d;
        return 0;
}

static void wake(struct pass *p, usec_t at) {
        assert(at > p->now);
        p->plan->wake_at = MIN(p->plan->wake_at, at);
}

/* Has it come? If not, the pass says when to ask again. */
static bool is_due(struct pass *p, usec_t at) {
        if (at <= p->now)
                return true;
        wake(p, at);
        return false;
}

/* --- runs ------------------------------------------------------------------------------------- */

usec_t plan_run_deadline(const struct world *w, const struct world_run *run) {
        usec_t at;

        if (run->state != RUN_RUNNING || run->spec->dagrun_timeout_for == 0 ||
            __builtin_add_overflow(MAX(run->started_at, w->booted_at),
                                   run->spec->dagrun_timeout_for, &at))
                return USEC_INFINITY;
        return at;
}

usec_t plan_try_deadline(const struct world *w, const struct world_task *t) {
        usec_t at;

        if (t->state != TASK_RUNNING || t->spec->execution_timeout_for == 0 ||
            __builtin_add_overflow(t->started_at,
                                   t->spec->execution_timeout_for + w->timeout_slack_for, &at))
                return USEC_INFINITY;
        return at;
}

static bool is_timed_out(const struct pass *p, const struct world_run *run) {
        return plan_run_deadline(p->w, run) <= p->now;
}

static bool is_failure(enum task_state s) {
        return s == TASK_FAILED || s == TASK_UPSTREAM_FAILED;
}

static bool has_failed(const struct world_task *all) {
        for (unsigned i = 0; all->is_expanded && i < all->n_maps; i++)
                if (is_failure(all->maps[i]->state))
                        return true;
        return is_failure(all->state);
}

/* A run fails when a task at an end of its DAG failed, or when it took too long. */
static enum run_state verdict(const struct pass *p, const struct world_run *run) {
        for (size_t i = 0; i < run->spec->n_leaves; i++)
                if (has_failed(&run->tasks[run->spec->leaves[i]]))
                        return RUN_FAILED;
        return is_timed_out(p, run) ? RUN_FAILED : RUN_SUCCESS;
}

static int stop_try(struct pass *p, struct world_task *t, enum world_stop why) {
        struct plan_decision d = {.kind = PLAN_STOP_TRY, .task = t, .stop = why};

        return t->stop == WORLD_STOP_NONE ? add(p, &d) : 0;
}

/* Too long: what runs is stopped, what waits is skipped, and then the run fails. */
static int end_timed_out(struct pass *p, struct world_run *run) {
        struct world_task *t;

        world_each_task(t, run) {
                struct plan_decision d = {
                        .kind = PLAN_SETTLE_TASK, .task = t, .task_state = TASK_SKIPPED};
                int r = 0;

                if (task_state_is_live(t->state))
                        r = stop_try(p, t, WORLD_STOP_RUN_TIMEOUT);
                else if (!task_state_is_finished(t->state))
                        r = add(p, &d);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Is a task that has ended still to be settled otherwise? */
static bool is_unsettled(const struct world_run *run) {
        for (size_t i = 0; i < run->spec->n_tasks; i++)
                if (run->tasks[i].queue == WORLD_QUEUE_SETTLE)
                        return true;
        return false;
}

static int plan_running_run(struct pass *p, struct world_run *run) {
        struct plan_decision d = {.kind = PLAN_FINISH_RUN, .run = run};
        usec_t deadline;

        if (run->n_unfinished == 0 && is_unsettled(run))
                return 0;
        if (run->n_unfinished == 0) {
                d.run_state = verdict(p, run);
                return add(p, &d);
        }
        deadline = plan_run_deadline(p->w, run);
        if (deadline == USEC_INFINITY || !is_due(p, deadline))
                return 0;
        return end_timed_out(p, run);
}

static bool may_start(const struct pass *p, struct world_run *run) {
        struct world_dag *wd = run->dag;

        if (wd->paused || p->w->stopping)
                return false;
        if (run->backfill) {
                if (run->backfill->paused ||
                    run->backfill->n_running >= run->backfill->max_active_runs)
                        return false;
                run->backfill->n_running++;
                return true;
        }
        if (wd->n_running_runs + wd->planned_runs >= wd->spec->max_active_runs)
                return false;
        wd->planned_runs++;
        return true;
}

usec_t plan_deadline_at(const struct world_run *run, const struct dag_deadline *d) {
        const usec_t from[_DAG_DEADLINE_FROM_MAX] = {
                [DAG_DEADLINE_LOGICAL_DATE] = run->when.logical_at,
                [DAG_DEADLINE_QUEUED_AT] = run->queued_at,
                [DAG_DEADLINE_STARTED_AT] = run->started_at,
                [DAG_DEADLINE_FIXED] = d->fixed_at,
        };
        usec_t at;

        assert(d->from < _DAG_DEADLINE_FROM_MAX);
        if (__builtin_add_overflow(from[d->from], d->after_for, &at))
                return USEC_INFINITY;
        return at;
}

static int plan_deadlines(struct pass *p, struct world_run *run) {
        for (unsigned i = 0; i < run->spec->n_deadlines; i++) {
                struct plan_decision d = {.kind = PLAN_MISS_DEADLINE, .run = run, .index = i};
                usec_t at = plan_deadline_at(run, &run->spec->deadlines[i]);
                int r;

                if (run->missed_deadlines >> i & 1 || at == USEC_INFINITY || !is_due(p, at))
                        continue;
                r = add(p, &d);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int plan_active_runs(struct pass *p) {
        struct world_run *run;

        TAILQ_FOREACH(run, &p->w->active, in_active) {
                struct plan_decision d = {.kind = PLAN_START_RUN, .run = run};
                int r = plan_deadlines(p, run);

                if (r == 0 && run->state == RUN_RUNNING)
                        r = plan_running_run(p, run);
                else if (r == 0 && may_start(p, run))
                        r = add(p, &d);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* At most one new run of a DAG a pass; the next pass makes the next one. */
static int plan_new_runs(struct pass *p) {
        struct world_dag *wd;

        TAILQ_FOREACH(wd, &p->w->dags, in_world) {
                struct plan_decision d = {.kind = PLAN_CREATE_RUN, .dag = wd};
                int r;

                if (wd->paused || wd->gone ||
                    wd->n_running_runs + wd->n_queued_runs >= wd->spec->max_active_runs ||
                    world_next_run(wd, p->now, &d.when) != 0 || !is_due(p, d.when.run_after_at))
                        continue;
                r = add(p, &d);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- tasks ------------------------------------------------------------------------------------ */

/* Does nobody look after this task now: a paused DAG, or a run that is being ended? */
static bool is_held(const struct pass *p, const struct world_task *t) {
        return t->run->dag->paused || is_timed_out(p, t->run);
}

static int plan_settle(struct pass *p) {
        struct world_task *t;

        TAILQ_FOREACH(t, &p->w->settle, in_queue) {
                struct plan_decision d = {
                        .kind = PLAN_SETTLE_TASK, .task = t, .task_state = t->verdict};
                int r;

                if (is_held(p, t))
                        continue;
                if (t->verdict == TASK_SUCCESS && t->spec->fail_if_failed && t->run->n_failed > 0)
                        d.task_state = TASK_FAILED;
                r = add(p, &d);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int plan_expand(struct pass *p) {
        struct world_task *t;

        TAILQ_FOREACH(t, &p->w->expand, in_queue) {
                struct plan_decision d = {.kind = PLAN_EXPAND_TASK, .task = t};
                int r = is_held(p, t) ? 0 : add(p, &d);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int schedule(struct pass *p, struct world_task *t) {
        struct plan_decision d = {.kind = PLAN_SCHEDULE_TASK, .task = t};

        return t->state == TASK_SCHEDULED ? 0 : add(p, &d);
}

static int plan_retries(struct pass *p) {
        struct world_task *t;

        TAILQ_FOREACH(t, &p->w->retry, in_queue) {
                int r;

                if (is_held(p, t) || t->retry_at == USEC_INFINITY || !is_due(p, t->retry_at))
                        continue;
                r = schedule(p, t);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int plan_live(struct pass *p) {
        struct world_task *t;

        TAILQ_FOREACH(t, &p->w->live, in_queue) {
                usec_t deadline = plan_try_deadline(p->w, t);
                int r;

                if (deadline == USEC_INFINITY || t->stop != WORLD_STOP_NONE ||
                    is_timed_out(p, t->run) || !is_due(p, deadline))
                        continue;
                r = stop_try(p, t, WORLD_STOP_TIMEOUT);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Starts of the same task in this pass: of one run (run given) or of all. */
static unsigned count_planned(const struct plan *plan, const struct world_task *t,
                              const struct world_run *run) {
        unsigned n = 0;

        for (size_t i = 0; plan && i < plan->n; i++) {
                const struct plan_decision *d = &plan->decisions[i];

                n += d->kind == PLAN_START_TRY && d->task->run->dag == t->run->dag &&
                     (!run || d->task->run == run) && str_eq(d->task->spec->id, t->spec->id);
        }
        return n;
}

unsigned plan_live_in_dag(const struct world_task *t) {
        const struct world_run *run;
        unsigned n = 0;

        LIST_FOREACH(run, &t->run->dag->runs, in_dag) {
                const struct world_task *other =
                        run->n_live > 0 ? world_get_task(run, t->spec->id, -1) : NULL;

                n += other ? other->n_tries_live : 0;
        }
        return n;
}

static enum plan_block block_of_task(const struct world_task *t, const struct plan *plan) {
        const struct dag_task *spec = t->spec;

        if (spec->max_active_per_run > 0 &&
            t->all->n_tries_live + count_planned(plan, t, t->run) >= spec->max_active_per_run)
                return PLAN_BLOCK_TASK_IN_RUN;
        if (spec->max_active_per_dag > 0 &&
            plan_live_in_dag(t) + count_planned(plan, t, NULL) >= spec->max_active_per_dag)
                return PLAN_BLOCK_TASK;
        return PLAN_BLOCK_NONE;
}

enum plan_block plan_block_of(const struct world *w, const struct world_task *t, unsigned n_planned,
                              const struct plan *plan) {
        const struct world_pool *pool;
        bool missing;

        if (w->n_live + n_planned >= w->parallelism)
                return PLAN_BLOCK_PARALLELISM;
        if (t->run->n_live + t->run->planned_live >= t->run->spec->max_active_tasks)
                return PLAN_BLOCK_DAG;
        pool = world_get_pool(w, t->spec->pool);
        if (!pool)
                return PLAN_BLOCK_NO_POOL;
        if (pool->n_used + pool->planned_used + t->spec->pool_slots > pool->n_slots)
                return PLAN_BLOCK_POOL;
        if (world_leases_block(w, t, &missing))
                return missing ? PLAN_BLOCK_NO_LEASE : PLAN_BLOCK_LEASE;
        return block_of_task(t, plan);
}

static void lease(const struct pass *p, const struct dag_resources *ask) {
        for (size_t i = 0; i < ask->n_leases; i++)
                world_get_resource(p->w, ask->leases[i].name)->planned += ask->leases[i].n;
}

static int start(struct pass *p, struct world_task *t) {
        struct plan_decision d = {.kind = PLAN_START_TRY, .task = t};

        assert(t->queue == WORLD_QUEUE_READY && !task_state_is_live(t->state));
        assert(p->w->n_live + p->planned_live < p->w->parallelism);
        p->planned_live++;
        t->run->planned_live++;
        world_get_pool(p->w, t->spec->pool)->planned_used += t->spec->pool_slots;
        lease(p, &t->spec->resources);
        return add(p, &d);
}

/* In order of weight. A task that finds no slot lets lighter ones of other pools and runs pass. */
static int plan_ready(struct pass *p) {
        size_t n_new = p->w->n_ready_new;

        for (size_t i = 0; i < p->w->n_ready; i++) {
                struct world_task *t = p->w->ready[i];
                bool full = p->w->n_live + p->planned_live >= p->w->parallelism;
                int r;

                if (full && n_new == 0)
                        break;
                n_new -= t->state != TASK_SCHEDULED;
                if (is_held(p, t))
                        continue;
                if (full || plan_block_of(p->w, t, p->planned_live, p->plan) != PLAN_BLOCK_NONE)
                        r = schedule(p, t);
                else
                        r = start(p, t);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- the pass --------------------------------------------------------------------------------- */

static void reset_scratch(struct world *w) {
        struct world_run *run;
        struct world_dag *wd;
        struct world_backfill *b;
        struct world_resource *res;
        struct world_pool *pool;

        TAILQ_FOREACH(b, &w->backfills, in_world)
        b->n_running = 0;
        TAILQ_FOREACH(res, &w->resources, in_world)
        res->planned = 0;
        TAILQ_FOREACH(run, &w->active, in_active) {
                run->planned_live = 0;
                if (run->backfill)
                        run->backfill->n_running += run->state == RUN_RUNNING;
        }
        TAILQ_FOREACH(wd, &w->dags, in_world)
        wd->planned_runs = 0;
        TAILQ_FOREACH(pool, &w->pools, in_world)
        pool->planned_used = 0;
}

int plan_next(struct world *w, usec_t now, struct plan *plan) {
        struct pass p = {.w = w, .now = now, .plan = plan};
        int r;

        plan->n = 0;
        plan->wake_at = USEC_INFINITY;
        reset_scratch(w);

        r = plan_active_runs(&p);
        if (r == 0)
                r = plan_settle(&p);
        if (r == 0)
                r = plan_live(&p);
        if (r < 0 || w->stopping)
                return r;
        r = plan_new_runs(&p);
        if (r == 0)
                r = plan_expand(&p);
        if (r == 0)
                r = plan_retries(&p);
        if (r == 0)
                r = plan_ready(&p);
        reset_scratch(w);
        return r;
}

void plan_done(struct plan *plan) {
        mem_free(plan->decisions);
        *plan = (struct plan){};
}

/* --- from decision to event ------------------------------------------------------------------- */

void plan_run_id(enum run_type type, usec_t at, char ret[PLAN_RUN_ID_SIZE]) {
        char text[TIMESTAMP_SIZE];
        int n;

        timestamp_print(at, TIMESTAMP_AUTO | TIMESTAMP_OFFSET, text);
        n = snprintf(ret, PLAN_RUN_ID_SIZE, "%s__%s", run_state_type_name(type), text);
        assert(n > 0 && (unsigned) n < PLAN_RUN_ID_SIZE);
}

static const enum world_event_kind event_kinds[_PLAN_KIND_MAX] = {
        [PLAN_CREATE_RUN] = WORLD_RUN_CREATED,        [PLAN_START_RUN] = WORLD_RUN_STARTED,
        [PLAN_SCHEDULE_TASK] = WORLD_TASK_SCHEDULED,  [PLAN_START_TRY] = WORLD_TRY_CREATED,
        [PLAN_STOP_TRY] = WORLD_TRY_STOPPING,         [PLAN_SETTLE_TASK] = WORLD_TASK_SETTLED,
        [PLAN_FINISH_RUN] = WORLD_RUN_FINISHED,       [PLAN_EXPAND_TASK] = WORLD_TASK_EXPANDED,
        [PLAN_MISS_DEADLINE] = WORLD_DEADLINE_MISSED,
};

void plan_event(const struct plan_decision *d, usec_t now, const char *try_id, char *run_id,
                struct world_event *ret) {
        assert(d->kind < _PLAN_KIND_MAX);
        assert(d->dag || d->run || d->task);
        *ret = (struct world_event){
                .kind = event_kinds[d->kind],
                .at = now,
                .dag = d->dag,
                .run = d->run,
                .task = d->task,
                .when = d->when,
                .stop = d->stop,
                .task_state = d->task_state,
                .run_state = d->run_state,
                .index = d->index,
        };
        if (d->kind == PLAN_CREATE_RUN) {
                plan_run_id(RUN_TYPE_SCHEDULED, d->when.logical_at, run_id);
                ret->run_id = run_id;
                ret->run_type = RUN_TYPE_SCHEDULED;
        } else if (d->kind == PLAN_START_TRY) {
                assert(try_id);
                ret->try_id = try_id;
                ret->try_number = d->task->try_number + !d->task->again;
        } else if (d->kind == PLAN_STOP_TRY)
                ret->try_id = d->task->try_id;
}
