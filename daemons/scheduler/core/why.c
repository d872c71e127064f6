#include "daemons/scheduler/core/why.h"

#include <stdio.h>

#include "daemons/scheduler/core/plan.h"
#include "daemons/scheduler/core/world_index.h"
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

/* "a (running), b (none) and 3 more": the upstream tasks that are not finished. */
static void list_upstream(const struct world_task *t, struct buf *out) {
        unsigned n_named = 0, n_more = 0;

        for (size_t i = 0; i < t->spec->n_upstream; i++) {
                const struct world_task *up = &t->run->tasks[t->spec->upstream[i]];

                if (task_state_is_finished(up->state))
                        continue;
                if (n_named == NAMES_MAX) {
                        n_more++;
                        continue;
                }
                (void) buf_printf(out, "%s%s (%s)", n_named > 0 ? ", " : "", up->spec->id,
                                  up->state == TASK_NONE ? "waiting" : task_state_name(up->state));
                n_named++;
        }
        if (n_more > 0)
                (void) buf_printf(out, " and %u more", n_more);
}

static void why_waits(const struct world_task *t, char ret[WHY_TEXT_SIZE]) {
        _cleanup_buf_ struct buf names = {.limit = WHY_TEXT_SIZE / 2};

        list_upstream(t, &names);
        say(ret, "waits for its upstream tasks (rule %s): %s", trigger_rule_name(t->spec->rule),
            buf_cstr(&names));
}

static void why_past(const struct world_task *t, char ret[WHY_TEXT_SIZE]) {
        const struct world_run *prev = world_prev_run(t->run);
        const struct world_task *past = world_get_task(prev, t->spec->id, t->map_index);

        say(ret, "depends on its past: in run %s it is %s, not success or skipped", prev->id,
            task_state_name(past->state));
}

static void why_ready(const struct world *w, const struct world_task *t, char ret[WHY_TEXT_SIZE]) {
        const struct world_pool *pool = world_get_pool(w, t->spec->pool);

        switch (plan_block_of(w, t, 0)) {
        case PLAN_BLOCK_PARALLELISM:
                say(ret, "waits for a slot: %u of %u tasks run on this machine", w->n_live,
                    w->parallelism);
                return;
        case PLAN_BLOCK_DAG:
                say(ret, "waits for its own run: %u of max_active_tasks %u run", t->run->n_live,
                    t->run->spec->max_active_tasks);
                return;
        case PLAN_BLOCK_POOL:
                say(ret, "waits for pool %s: %u of %u slots are used, it needs %u", pool->name,
                    pool->n_used, pool->n_slots, t->spec->pool_slots);
                return;
        case PLAN_BLOCK_NO_POOL:
                say(ret, "names the pool %s, which does not exist: create it or change the task",
                    t->spec->pool);
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

static void why_finished(const struct world_task *t, char ret[WHY_TEXT_SIZE]) {
        char at[TIMESTAMP_SIZE];

        if (t->state == TASK_UPSTREAM_FAILED)
                say(ret, "never runs: %u of its upstream tasks failed (rule %s)",
                    t->counts.n_failed + t->counts.n_upstream_failed,
                    trigger_rule_name(t->spec->rule));
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
                say(ret, "DAG %s is paused: unpause it", run->dag->spec->id);
        else if (plan_run_deadline(w, run) <= now)
                say(ret, "its run exceeded dagrun_timeout and is being ended");
        else if (w->stopping)
                say(ret, "the machine is shutting down: nothing starts any more");
        else
                return false;
        return true;
}

static void why_queue(const struct world *w, const struct world_task *t, char ret[WHY_TEXT_SIZE]) {
        char at[TIMESTAMP_SIZE];

        switch (t->queue) {
        case WORLD_QUEUE_READY:
                why_ready(w, t, ret);
                return;
        case WORLD_QUEUE_RETRY:
                if (t->state == TASK_INTERRUPTED)
                        say(ret, "try %u was cut off like others before it; the next begins at %s",
                            t->try_number, time_text(t->retry_at, at));
                else
                        say(ret, "try %u failed; try %u of %u begins at %s", t->try_number,
                            t->try_number + 1, t->max_tries + 1, time_text(t->retry_at, at));
                return;
        case WORLD_QUEUE_SETTLE:
                say(ret, "becomes %s now", task_state_name(t->verdict));
                return;
        default:
                assert(t->queue == WORLD_QUEUE_NONE);
                if (trigger_rule_decide(t->spec->rule, &t->counts) == VERDICT_READY &&
                    world_index_past_blocks(t))
                        why_past(t, ret);
                else
                        why_waits(t, ret);
                return;
        }
}

void why_task(struct world *w, const struct world_task *t, usec_t now, char ret[WHY_TEXT_SIZE]) {
        if (task_state_is_live(t->state))
                why_live(t, ret);
        else if (task_state_is_finished(t->state))
                why_finished(t, ret);
        else if (!why_held(w, t->run, now, ret))
                why_queue(w, t, ret);
}

static void why_running(const struct world_run *run, char ret[WHY_TEXT_SIZE]) {
        say(ret, "runs: %u of %zu tasks unfinished, %u live, %u failed", run->n_unfinished,
            run->spec->n_tasks, run->n_live, run->n_failed);
}

void why_run(struct world *w, const struct world_run *run, usec_t now, char ret[WHY_TEXT_SIZE]) {
        char at[TIMESTAMP_SIZE];

        if (run_state_is_finished(run->state))
                say(ret, "is finished: %s since %s", run_state_name(run->state),
                    time_text(run->ended_at, at));
        else if (run->dag->paused)
                say(ret, "DAG %s is paused: unpause it", run->dag->spec->id);
        else if (run->state == RUN_RUNNING)
                why_running(run, ret);
        else if (w->stopping)
                say(ret, "is queued: the machine is shutting down");
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
                say(ret, "is paused: unpause it");
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
