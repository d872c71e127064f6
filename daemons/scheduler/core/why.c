#include "daemons/scheduler/core/why.h"

#include <stdio.h>

#include "daemons/scheduler/core/plan.h"
#include "daemons/scheduler/core/poke.h"
#include "daemons/scheduler/core/world_index.h"
#include "daemons/scheduler/core/world_leases.h"
#include "lib/base/buf.h"
#include "lib/base/timestamp.h"

#define NAMES_MAX 5u

static void say(char ret[WHY_TEXT_SIZE], const char *fmt, ...) _printf_(2, 3);
static void say(char ret[WHY_TEXT_SIZE], const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        (void) vsnprintf(ret, WHY_TEXT_SIZE, fmt, ap);
        va_end(ap);
}

static const char *time_text(usec_t at, char ret[TIMESTAMP_SIZE]) {
        return timestamp_print(at, TIMESTAMP_SECONDS, ret);
}

static bool is_waited_for(enum task_state s) {
        return !task_state_is_finished(s);
}

static bool is_failure(enum task_state s) {
        return s == TASK_FAILED || s == TASK_UPSTREAM_FAILED;
}

static bool is_skipped(enum task_state s) {
        return s == TASK_SKIPPED;
}

/* "a (running), b (none) and 3 more": the upstream tasks in such a state; guards as well. */
static void list_tasks(const struct world_task *t, bool (*is)(enum task_state s), struct buf *out) {
        unsigned n_named = 0, n_more = 0;
        size_t n = t->spec->n_upstream + t->spec->n_guards;

        for (size_t i = 0; i < n; i++) {
                const unsigned index = i < t->spec->n_upstream
                                               ? t->spec->upstream[i]
                                               : t->spec->guards[i - t->spec->n_upstream];
                const struct world_task *up = &t->run->tasks[index];
                struct world_task *worst = (struct world_task *) up;

                for (unsigned m = 0; up->is_expanded && m < up->n_maps; m++)
                        if (is(up->maps[m]->state))
                                worst = up->maps[m];
                if (!is(worst->state) || (up->is_expanded && worst == up))
                        continue;
                if (n_named++ >= NAMES_MAX) {
                        n_more++;
                        continue;
                }
                (void) buf_printf(out, "%s%s", n_named > 1 ? ", " : "", up->spec->id);
                if (worst != up)
                        (void) buf_printf(out, "[%d]", worst->map_index);
                (void) buf_printf(out, " (%s)",
                                  worst->state == TASK_NONE ? "waiting"
                                                            : task_state_name(worst->state));
        }
        if (n_more > 0)
                (void) buf_printf(out, " and %u more", n_more);
}

static void why_waits(const struct world_task *t, char ret[WHY_TEXT_SIZE]) {
        _cleanup_buf_ struct buf names = {.limit = WHY_TEXT_SIZE / 2};

        list_tasks(t, is_waited_for, &names);
        say(ret, "waits for its upstream tasks (rule %s): %s", trigger_rule_name(t->spec->rule),
            buf_cstr(&names));
}

static void why_past(const struct world_task *t, char ret[WHY_TEXT_SIZE]) {
        const struct world_run *prev = world_prev_run(t->run);
        const struct world_task *past = world_get_task(prev, t->spec->id, t->map_index);

        if (past && past->state != TASK_SUCCESS && past->state != TASK_SKIPPED)
                say(ret, "depends on its past: in run %s it is %s, not success or skipped",
                    prev->id, task_state_name(past->state));
        else
                say(ret, "waits for what stands directly behind it in run %s to end well",
                    prev->id);
}

/* "a/run/task (0,1)": who holds units of a resource. */
static void list_holders(const struct world *w, const char *name, struct buf *out) {
        const struct world_task *t;

        TAILQ_FOREACH(t, &w->live, in_queue)
        if (world_leases_of(t, name))
                (void) buf_printf(out, "%s%s/%s/%s", out->len > 0 ? ", " : "", t->run->spec->id,
                                  t->run->id, t->spec->id);
}

static void why_lease(const struct world *w, const struct world_task *t, char ret[WHY_TEXT_SIZE]) {
        _cleanup_buf_ struct buf holders = {.limit = WHY_TEXT_SIZE / 2};
        const struct world_resource *res;
        const struct dag_lease *ask;
        bool missing;

        assert(t->spec->resources.n_leases > 0);
        ask = world_leases_block(w, t, &missing);
        assert(ask);
        res = world_get_resource(w, ask->name);
        if (missing) {
                say(ret,
                    "needs %u of the resource %s, and this machine has %u: set resources in "
                    "[scheduler] of onebox.conf, or change the task",
                    ask->n, ask->name, res ? res->n : 0);
                return;
        }
        list_holders(w, ask->name, &holders);
        say(ret, "waits for %s: it needs %u, %u of %u are held by %s%s", ask->name, ask->n,
            world_leases_count_units(res->used), res->n, buf_cstr(&holders),
            buf_error(&holders) ? " and others" : "");
}

static void why_pool(const struct world_pool *pool, const struct world_task *t,
                     char ret[WHY_TEXT_SIZE]) {
        if (t->spec->pool_slots > pool->n_slots)
                say(ret,
                    "needs %u slots of pool %s, which has %u in all: give it more (onebox pools "
                    "set %s N) or change the task",
                    t->spec->pool_slots, pool->name, pool->n_slots, pool->name);
        else
                say(ret,
                    "waits for pool %s: %u of %u slots are used, it needs %u; onebox pools set %s "
                    "N "
                    "gives it others",
                    pool->name, pool->n_used, pool->n_slots, t->spec->pool_slots, pool->name);
}

static void why_ready(const struct world *w, const struct world_task *t, char ret[WHY_TEXT_SIZE]) {
        const struct world_pool *pool = world_get_pool(w, t->spec->pool);

        switch (plan_block_of(w, t, 0, NULL)) {
        case PLAN_BLOCK_PARALLELISM:
                say(ret,
                    "waits for a slot: %u of %u tasks run on this machine ([scheduler] "
                    "parallelism)",
                    w->n_live, w->parallelism);
                return;
        case PLAN_BLOCK_DAG:
                say(ret, "waits for its own run: %u of max_active_tasks %u run", t->run->n_live,
                    t->run->spec->max_active_tasks);
                return;
        case PLAN_BLOCK_POOL:
                why_pool(pool, t, ret);
                return;
        case PLAN_BLOCK_NO_POOL:
                say(ret,
                    "names the pool %s, which does not exist: create it (onebox pools set %s N) or "
                    "change the task",
                    t->spec->pool, t->spec->pool);
                return;
        case PLAN_BLOCK_TASK:
                say(ret, "waits for itself: %u of max_active_tis_per_dag %u run in this pipeline",
                    plan_live_in_dag(t), t->spec->max_active_per_dag);
                return;
        case PLAN_BLOCK_TASK_IN_RUN:
                say(ret, "waits for itself: %u of max_active_tis_per_dagrun %u run in this run",
                    t->all->n_tries_live, t->spec->max_active_per_run);
                return;
        case PLAN_BLOCK_LEASE:
        case PLAN_BLOCK_NO_LEASE:
                why_lease(w, t, ret);
                return;
        case PLAN_BLOCK_NONE:
                say(ret, "starts now");
                return;
        }
}

static void why_live(const struct world_task *t, char ret[WHY_TEXT_SIZE]) {
        char at[TIMESTAMP_SIZE];

        if (t->stop != WORLD_STOP_NONE)
                say(ret, "try %u is being stopped: %s", t->try_number, world_stop_name(t->stop));
        else if (t->state == TASK_QUEUED)
                say(ret, "try %u was sent to the launcher at %s and has not begun yet",
                    t->try_number, time_text(t->queued_at, at));
        else
                say(ret, "runs: try %u since %s", t->try_number, time_text(t->started_at, at));
}

/* Who decided to skip it, if somebody did. */
static const struct world_task *skipper_of(const struct world_task *t) {
        const struct world_task *other;

        world_each_task(other, t->run) for (size_t i = 0; i < other->n_skips;
                                            i++) if (&t->run->tasks[other->skips[i]] ==
                                                     t->all) return other;
        return NULL;
}

static void why_skipped(const struct world_task *t, char ret[WHY_TEXT_SIZE]) {
        _cleanup_buf_ struct buf names = {.limit = WHY_TEXT_SIZE / 2};
        const struct world_task *skipper = skipper_of(t);

        list_tasks(t, is_skipped, &names);
        if (skipper)
                say(ret, "is skipped: task %s decided so", skipper->spec->id);
        else if (t->try_number > 0)
                say(ret, "is skipped: try %u ended with exit code 99, or its run took too long",
                    t->try_number);
        else if (t->spec->expand && names.len == 0)
                say(ret, "is skipped: there is nothing to map it over");
        else if (names.len > 0)
                say(ret, "is skipped, because upstream is: %s (rule %s)", buf_cstr(&names),
                    trigger_rule_name(t->spec->rule));
        else
                say(ret, "is skipped by its rule %s, by a person, or as its run took too long",
                    trigger_rule_name(t->spec->rule));
}

static void why_finished(const struct world_task *t, char ret[WHY_TEXT_SIZE]) {
        _cleanup_buf_ struct buf names = {.limit = WHY_TEXT_SIZE / 2};
        char at[TIMESTAMP_SIZE];

        if (t->state == TASK_UPSTREAM_FAILED) {
                list_tasks(t, is_failure, &names);
                say(ret, "never ran: upstream %s (rule %s)",
                    names.len > 0 ? buf_cstr(&names) : "had failed then, and was run again since",
                    trigger_rule_name(t->spec->rule));
        } else if (t->state == TASK_SKIPPED)
                why_skipped(t, ret);
        else if (t->state == TASK_REMOVED)
                say(ret, "was taken away: its task is mapped over fewer values now");
        else
                say(ret, "is finished: %s since %s, tries: %u", task_state_name(t->state),
                    time_text(t->ended_at, at), t->try_number);
}

/* What holds for the whole run; true when something was said. */
static bool why_held(struct world *w, const struct world_run *run, usec_t now,
                     char ret[WHY_TEXT_SIZE]) {
        if (run->state != RUN_RUNNING) {
                char text[WHY_TEXT_SIZE];

                why_run(w, run, now, text);
                say(ret, "its run is not running: %.400s", text);
                return true;
        }
        if (run->dag->paused)
                say(ret, "DAG %s is paused: unpause it (onebox pipelines resume %s)",
                    run->dag->spec->id, run->dag->spec->id);
        else if (plan_run_deadline(w, run) <= now)
                say(ret, "its run exceeded dagrun_timeout and is being ended");
        else if (w->stopping)
                say(ret, "the machine is shutting down: nothing starts any more");
        else
                return false;
        return true;
}

static void why_too_early(const struct world_task *t, char ret[WHY_TEXT_SIZE]) {
        char at[TIMESTAMP_SIZE], last[TIMESTAMP_SIZE];
        usec_t limit_for = t->spec->poke_timeout_for;

        if (limit_for == 0)
                say(ret, "try %u found that it is too early; it looks again at %s", t->try_number,
                    time_text(t->retry_at, at));
        else
                say(ret,
                    "try %u found that it is too early; it looks again at %s; a look after %s "
                    "is its last",
                    t->try_number, time_text(t->retry_at, at),
                    time_text(poke_since(t, t->retry_at) + limit_for, last));
}

static void why_queue(const struct world *w, const struct world_task *t, char ret[WHY_TEXT_SIZE]) {
        char at[TIMESTAMP_SIZE];

        switch (t->queue) {
        case WORLD_QUEUE_READY:
                why_ready(w, t, ret);
                return;
        case WORLD_QUEUE_RETRY:
                if (t->state == TASK_UP_FOR_RESCHEDULE)
                        why_too_early(t, ret);
                else if (t->state == TASK_DEFERRED && t->retry_at == USEC_INFINITY)
                        say(ret, "try %u waits for its trigger, without a limit", t->try_number);
                else if (t->state == TASK_DEFERRED)
                        say(ret, "try %u waits for its trigger, until %s at most", t->try_number,
                            time_text(t->retry_at, at));
                else if (t->state == TASK_INTERRUPTED)
                        say(ret, "try %u was cut off like others before it; the next begins at %s",
                            t->try_number, time_text(t->retry_at, at));
                else
                        say(ret, "try %u failed; try %u of %u begins at %s", t->try_number,
                            t->try_number + 1, t->max_tries + 1, time_text(t->retry_at, at));
                return;
        case WORLD_QUEUE_EXPAND:
                say(ret, "is mapped now: its instances begin");
                return;
        case WORLD_QUEUE_SETTLE:
                say(ret, "becomes %s now", task_state_name(t->verdict));
                return;
        default:
                assert(t->queue == WORLD_QUEUE_NONE);
                if (world_index_verdict(t) == VERDICT_READY && world_index_past_blocks(t))
                        why_past(t, ret);
                else
                        why_waits(t, ret);
                return;
        }
}

/* "3 instances: 1 running, 2 success" */
static void why_instances(const struct world_task *all, char ret[WHY_TEXT_SIZE]) {
        _cleanup_buf_ struct buf text = {.limit = WHY_TEXT_SIZE / 2};

        for (enum task_state s = 0; s < _TASK_STATE_MAX; s++) {
                unsigned n = 0;

                for (unsigned i = 0; i < all->n_maps; i++)
                        n += all->maps[i]->state == s;
                if (n > 0)
                        (void) buf_printf(&text, "%s%u %s", text.len > 0 ? ", " : "", n,
                                          s == TASK_NONE ? "waiting" : task_state_name(s));
        }
        say(ret, "is mapped into %u instances: %s", all->n_maps, buf_cstr(&text));
}

void why_task(struct world *w, const struct world_task *t, usec_t now, char ret[WHY_TEXT_SIZE]) {
        if (t->is_expanded && t->queue != WORLD_QUEUE_EXPAND) {
                why_instances(t, ret);
                return;
        }
        if (task_state_is_live(t->state))
                why_live(t, ret);
        else if (task_state_is_finished(t->state))
                why_finished(t, ret);
        else if (!why_held(w, t->run, now, ret))
                why_queue(w, t, ret);
}

/* "; deadline x was missed; deadline 2 is at …" */
static void list_deadlines(const struct world_run *run, struct buf *out) {
        char at[TIMESTAMP_SIZE];

        for (unsigned i = 0; i < run->spec->n_deadlines; i++) {
                const struct dag_deadline *d = &run->spec->deadlines[i];
                usec_t due = plan_deadline_at(run, d);
                bool missed = run->missed_deadlines >> i & 1;

                if (due == USEC_INFINITY)
                        continue;
                (void) buf_printf(out, "; deadline ");
                (void) (d->name ? buf_add_str(out, d->name) : buf_printf(out, "%u", i + 1));
                (void) buf_printf(out, " %s %s", missed ? "was missed at" : "is at",
                                  time_text(due, at));
        }
}

static void why_running(const struct world_run *run, char ret[WHY_TEXT_SIZE]) {
        _cleanup_buf_ struct buf deadlines = {.limit = WHY_TEXT_SIZE / 2};
        const struct world_task *t;
        unsigned n = 0;

        world_each_task(t, run) n++;
        list_deadlines(run, &deadlines);
        say(ret, "runs: %u of %u tasks unfinished, %u live, %u failed%s", run->n_unfinished, n,
            run->n_live, run->n_failed, deadlines.len > 0 ? buf_cstr(&deadlines) : "");
}

static void why_in_backfill(const struct world_run *run, char ret[WHY_TEXT_SIZE]) {
        if (run->backfill->paused)
                say(ret,
                    "is queued: backfill %lld is paused: unpause it (onebox backfill unpause %lld)",
                    (long long) run->backfill->id, (long long) run->backfill->id);
        else
                say(ret, "is queued: backfill %lld runs %u of its runs at once",
                    (long long) run->backfill->id, run->backfill->max_active_runs);
}

void why_run(struct world *w, const struct world_run *run, usec_t now, char ret[WHY_TEXT_SIZE]) {
        char at[TIMESTAMP_SIZE];

        if (run_state_is_finished(run->state))
                say(ret, "is finished: %s since %s", run_state_name(run->state),
                    time_text(run->ended_at, at));
        else if (run->dag->paused)
                say(ret, "DAG %s is paused: unpause it (onebox pipelines resume %s)",
                    run->dag->spec->id, run->dag->spec->id);
        else if (run->state == RUN_RUNNING)
                why_running(run, ret);
        else if (w->stopping)
                say(ret, "is queued: the machine is shutting down");
        else if (run->backfill)
                why_in_backfill(run, ret);
        else if (run->dag->n_running_runs >= run->dag->spec->max_active_runs)
                say(ret, "is queued: %u of max_active_runs %u run", run->dag->n_running_runs,
                    run->dag->spec->max_active_runs);
        else
                say(ret, "is queued and starts now");
}

void why_dag(struct world *w, struct world_dag *wd, usec_t now, char ret[WHY_TEXT_SIZE]) {
        unsigned n_active = wd->n_running_runs + wd->n_queued_runs;
        struct timetable_run next;
        char at[TIMESTAMP_SIZE];

        if (wd->gone)
                say(ret, "its source file is gone: no new runs");
        else if (wd->paused)
                say(ret, "is paused: unpause it (onebox pipelines resume %s)", wd->spec->id);
        else if (wd->spec->schedule.kind == DAG_SCHEDULE_NONE)
                say(ret, "has no schedule: it runs when triggered");
        else if (world_next_run(wd, now, &next) != 0)
                say(ret, "its schedule has no further run");
        else if (w->stopping)
                say(ret, "the machine is shutting down: no new runs");
        else if (next.run_after_at <= now && n_active >= wd->spec->max_active_runs)
                say(ret, "its run of %s waits: %u of max_active_runs %u are active",
                    time_text(next.logical_at, at), n_active, wd->spec->max_active_runs);
        else
                say(ret, "its next run is due at %s", time_text(next.run_after_at, at));
}
