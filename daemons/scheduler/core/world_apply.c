#include "daemons/scheduler/core/world_apply.h"

#include <errno.h>
#include <string.h>

#include "daemons/scheduler/core/poke.h"
#include "daemons/scheduler/core/world_index.h"
#include "daemons/scheduler/core/world_leases.h"
#include "daemons/scheduler/core/world_maps.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static const char *const result_names[_WORLD_RESULT_MAX] = {
        [WORLD_RESULT_SUCCESS] = "success",           [WORLD_RESULT_FAILED] = "failed",
        [WORLD_RESULT_FAILED_FINAL] = "failed_final", [WORLD_RESULT_TIMED_OUT] = "timed_out",
        [WORLD_RESULT_SKIPPED] = "skipped",           [WORLD_RESULT_INTERRUPTED] = "interrupted",
        [WORLD_RESULT_STOPPED] = "stopped",           [WORLD_RESULT_RESCHEDULED] = "rescheduled",
        [WORLD_RESULT_DEFERRED] = "deferred",
};

/* --- runs ------------------------------------------------------------------------------------- */

/* A run the timetable made uses up its place in it, whether or not it is new. */
static void note_last(const struct world_event *e, struct world_touched *ret) {
        if (e->run_type != RUN_TYPE_SCHEDULED)
                return;
        world_set_last(e->dag, &e->when);
        ret->dag = e->dag;
}

static int run_created(struct world *w, const struct world_event *e, struct world_touched *ret) {
        struct world_run *run;
        int r;

        r = world_restore_run(w, e->dag, e->dag->spec, e->run_id, &run);
        if (r == -EEXIST)
                note_last(e, ret);
        if (r < 0)
                return r;
        run->state = RUN_QUEUED;
        run->type = e->run_type;
        run->when = e->when;
        run->backfill = e->backfill;
        run->ignores_past = e->ignores_past;
        run->queued_at = e->at;
        run->conf = mem_strdup(e->conf);
        r = e->conf && !run->conf ? -ENOMEM : world_restore_run_done(w, run);
        if (r < 0) {
                world_forget_run(w, run);
                return r;
        }
        note_last(e, ret);
        ret->run = run;
        return 0;
}

static int move_run(struct world *w, struct world_run *run, enum run_state to,
                    struct world_touched *ret) {
        int r;

        if (!run_state_may_move(run->state, to))
                return WORLD_APPLY_STALE;
        r = world_index_move_run(w, run, to);
        if (r == 0)
                ret->run = run;
        return r;
}

static int run_started(struct world *w, const struct world_event *e, struct world_touched *ret) {
        int r = move_run(w, e->run, RUN_RUNNING, ret);

        if (r == 0)
                e->run->started_at = e->at;
        return r;
}

static int run_finished(struct world *w, const struct world_event *e, struct world_touched *ret) {
        int r;

        assert(run_state_is_finished(e->run_state));
        r = move_run(w, e->run, e->run_state, ret);
        if (r == 0)
                e->run->ended_at = e->at;
        return r;
}

/* Something of a finished run changes: it has to come to its end anew. */
static int reopen_run(struct world *w, struct world_run *run, usec_t at,
                      struct world_touched *ret) {
        int r;

        if (!run_state_is_finished(run->state))
                return 0;
        r = world_index_reserve(w, run->n_all + 2); /* for the task's move as well */
        if (r == 0)
                r = move_run(w, run, RUN_QUEUED, ret);
        if (r == 0) {
                run->queued_at = at;
                run->started_at = run->ended_at = USEC_INFINITY;
        }
        return r;
}

/* --- tasks ------------------------------------------------------------------------------------ */

static void drop_skips(struct world *w, struct world_task *t) {
        world_index_skip(w, t, -1);
        t->skips = mem_free(t->skips);
        t->n_skips = 0;
}

static int move_task(struct world *w, struct world_task *t, enum task_state to,
                     struct world_touched *ret) {
        bool was_success = t->state == TASK_SUCCESS;
        int r;

        if (t->is_expanded || !task_state_may_move(t->state, to))
                return WORLD_APPLY_STALE;
        r = world_index_move_task(w, t, to);
        if (r < 0)
                return r;
        if (was_success)
                drop_skips(w, t);
        if (!task_state_is_live(to))
                memset(t->leases, 0, sizeof(t->leases));
        t->stop = WORLD_STOP_NONE;
        t->retry_at = USEC_INFINITY;
        ret->task = t;
        return 0;
}

static int task_scheduled(struct world *w, const struct world_event *e, struct world_touched *ret) {
        return move_task(w, e->task, TASK_SCHEDULED, ret);
}

static int task_settled(struct world *w, const struct world_event *e, struct world_touched *ret) {
        int r;

        assert(task_state_is_finished(e->task_state));
        if (task_state_is_live(e->task->state) ||
            (task_state_is_finished(e->task->state) &&
             (e->task->state != TASK_UPSTREAM_FAILED || e->task_state != TASK_SKIPPED)))
                return WORLD_APPLY_STALE;
        r = move_task(w, e->task, e->task_state, ret);
        if (r != 0)
                return r;
        if (e->task->started_at == USEC_INFINITY)
                e->task->started_at = e->at;
        e->task->ended_at = e->at;
        return 0;
}

static int task_expanded(struct world *w, const struct world_event *e, struct world_touched *ret) {
        struct world_task *all = e->task;
        int r;

        assert(all->all == all && all->spec->expand);
        if (!all->needs_expand || all->run->state != RUN_RUNNING || e->n_maps > WORLD_MAPS_MAX)
                return WORLD_APPLY_STALE;
        if (e->n_maps == 0 && !all->is_expanded) {
                r = move_task(w, all, TASK_SKIPPED, ret);
                if (r == 0)
                        all->started_at = all->ended_at = e->at;
                return r;
        }
        r = world_index_expand(w, all, e->n_maps);
        if (r == 0)
                ret->task = all;
        return r;
}

static int task_cleared(struct world *w, const struct world_event *e, struct world_touched *ret) {
        struct world_task *t = e->task;
        int r;

        if (t->is_expanded) /* its instances are, one by one */
                return WORLD_APPLY_STALE;
        if (task_state_is_live(t->state)) {
                t->stop = WORLD_STOP_CLEARED;
                ret->task = t;
                return 0;
        }
        if (t->state == TASK_NONE)
                return WORLD_APPLY_STALE;
        r = reopen_run(w, t->run, e->at, ret);
        if (r == 0)
                r = move_task(w, t, TASK_NONE, ret);
        if (r != 0)
                return r;
        t->max_tries = t->try_number + t->spec->retries;
        t->again = false;
        t->queued_at = t->started_at = t->ended_at = t->poking_since = USEC_INFINITY;
        if (t->spec->expand && !world_maps_begun(t->all)) { /* what it is mapped over may change */
                t->all->needs_expand = true;
                world_index_all(w, t->all);
        }
        return 0;
}

static int task_marked(struct world *w, const struct world_event *e, struct world_touched *ret) {
        struct world_task *t = e->task;
        int r;

        assert(e->task_state == TASK_SUCCESS || e->task_state == TASK_FAILED ||
               e->task_state == TASK_SKIPPED);
        if (task_state_is_live(t->state)) {
                t->stop = WORLD_STOP_MARKED;
                t->marked_state = e->task_state;
                ret->task = t;
                return 0;
        }
        if (!task_state_may_move(t->state, e->task_state))
                return WORLD_APPLY_STALE;
        r = reopen_run(w, t->run, e->at, ret);
        if (r == 0)
                r = move_task(w, t, e->task_state, ret);
        if (r == 0)
                t->ended_at = e->at;
        return r;
}

/* --- tries ------------------------------------------------------------------------------------ */

static bool is_current(const struct world_task *t, const struct world_event *e) {
        return task_state_is_live(t->state) && str_eq(t->try_id, e->try_id);
}

static int try_created(struct world *w, const struct world_event *e, struct world_touched *ret) {
        struct world_task *t = e->task;
        int r;

        uint64_t leases[DAG_LEASES_MAX];

        if (e->try_number != t->try_number + !t->again || t->run->state != RUN_RUNNING ||
            !task_state_may_move(t->state, TASK_QUEUED) ||
            world_leases_choose(w, &t->spec->resources, leases) != 0)
                return WORLD_APPLY_STALE;
        memcpy(t->leases, leases, sizeof(leases));
        r = move_task(w, t, TASK_QUEUED, ret);
        if (r != 0) {
                memset(t->leases, 0, sizeof(t->leases));
                return r;
        }
        r = str_copy(t->try_id, sizeof(t->try_id), e->try_id);
        assert(r == 0);
        assert(t->try_number <= e->try_number && t->stop == WORLD_STOP_NONE);
        t->try_number = e->try_number;
        t->again = false;
        t->queued_at = e->at;
        t->started_at = t->ended_at = USEC_INFINITY;
        return 0;
}

static int try_started(struct world *w, const struct world_event *e, struct world_touched *ret) {
        enum world_stop stop = e->task->stop;
        int r;

        if (!is_current(e->task, e) || e->task->state != TASK_QUEUED)
                return WORLD_APPLY_STALE;
        r = move_task(w, e->task, TASK_RUNNING, ret);
        if (r == 0) {
                e->task->stop = stop;
                e->task->started_at = e->at;
        }
        return r;
}

/* A person's wish is not overridden by a time limit. */
static int try_stopping(struct world *w, const struct world_event *e, struct world_touched *ret) {
        struct world_task *t = e->task;

        assert(e->stop != WORLD_STOP_NONE && e->stop != WORLD_STOP_MARKED);
        if (!is_current(t, e) || t->stop != WORLD_STOP_NONE)
                return WORLD_APPLY_STALE;
        t->stop = e->stop;
        ret->task = t;
        return 0;
}

static enum task_state state_after_failure(const struct world_task *t) {
        if (t->stop == WORLD_STOP_RUN_TIMEOUT)
                return TASK_SKIPPED;
        if (t->stop == WORLD_STOP_TIMEOUT && t->spec->soft_fail)
                return TASK_SKIPPED;
        return t->try_number > t->max_tries ? TASK_FAILED : TASK_UP_FOR_RETRY;
}

/* The process ended because we asked. Without a reason of ours it was the night. */
static enum task_state state_after_stop(const struct world_task *t) {
        if (t->stop == WORLD_STOP_TIMEOUT || t->stop == WORLD_STOP_RUN_TIMEOUT)
                return state_after_failure(t);
        return TASK_INTERRUPTED;
}

static enum task_state state_after(const struct world_task *t, enum world_result result) {
        if (t->stop == WORLD_STOP_CLEARED)
                return TASK_NONE;
        if (t->stop == WORLD_STOP_MARKED)
                return t->marked_state;
        switch (result) {
        case WORLD_RESULT_SUCCESS:
                return TASK_SUCCESS;
        case WORLD_RESULT_SKIPPED:
                return TASK_SKIPPED;
        case WORLD_RESULT_FAILED_FINAL:
                return TASK_FAILED;
        case WORLD_RESULT_TIMED_OUT:
                return t->spec->soft_fail ? TASK_SKIPPED : state_after_failure(t);
        case WORLD_RESULT_INTERRUPTED:
                return TASK_INTERRUPTED;
        case WORLD_RESULT_STOPPED:
                return state_after_stop(t);
        case WORLD_RESULT_RESCHEDULED:
        case WORLD_RESULT_DEFERRED:
                if (t->stop != WORLD_STOP_NONE)
                        return state_after_failure(t);
                return result == WORLD_RESULT_DEFERRED ? TASK_DEFERRED : TASK_UP_FOR_RESCHEDULE;
        default:
                assert(result == WORLD_RESULT_FAILED);
                return state_after_failure(t);
        }
}

/* A task that is cut off again and again, soon after it began each time, brings down what it runs
 * on: it waits, longer each time. A night ends other tries than these. */
static usec_t after_interruption(const struct world_task *t, usec_t at) {
        unsigned n = t->max_tries - MIN(t->max_tries, t->spec->retries);
        unsigned doublings = MIN(n - MIN(n, WORLD_INTERRUPTIONS_FREE), 10u);

        if (n < WORLD_INTERRUPTIONS_FREE || t->started_at == USEC_INFINITY ||
            at > t->started_at + USEC_PER_MINUTE)
                return USEC_INFINITY;
        return at + MIN(WORLD_INTERRUPTION_FOR << doublings, 10 * USEC_PER_MINUTE);
}

/* An interruption uses no retry; clearing gives all of them back; who comes again goes on. */
static void settle_tries(struct world *w, struct world_task *t, const struct world_event *e) {
        usec_t at = e->at;

        if (t->state == TASK_INTERRUPTED) {
                t->max_tries++;
                t->retry_at = after_interruption(t, at);
                world_index_again(w, t);
        } else if (t->state == TASK_UP_FOR_RESCHEDULE || t->state == TASK_DEFERRED) {
                t->retry_at = e->again_at;
                t->again = true;
                if (t->state == TASK_UP_FOR_RESCHEDULE)
                        t->poking_since = poke_since(t, at);
        } else if (t->state == TASK_NONE) {
                t->max_tries = t->try_number + t->spec->retries;
                t->poking_since = USEC_INFINITY;
        } else if (t->state == TASK_UP_FOR_RETRY)
                t->retry_at = dag_retry_at(t->spec, MAX(world_task_failures(t), 1u), at);
}

static int try_ended(struct world *w, const struct world_event *e, struct world_touched *ret) {
        struct world_task *t = e->task;
        unsigned *skips = NULL;
        enum task_state to;
        int r;

        assert(e->result < _WORLD_RESULT_MAX);
        if (!is_current(t, e))
                return WORLD_APPLY_STALE;
        to = state_after(t, e->result);
        if (to == TASK_SUCCESS && e->n_skips > 0 &&
            !(skips = mem_memdup(e->skips, e->n_skips * sizeof(*skips))))
                return -ENOMEM;
        r = move_task(w, t, to, ret);
        if (r != 0) {
                mem_free(skips);
                return r;
        }
        if (skips) {
                t->skips = skips;
                t->n_skips = e->n_skips;
                world_index_skip(w, t, 1);
        }
        if (t->started_at == USEC_INFINITY && e->started_at > 0)
                t->started_at = e->started_at;
        t->ended_at = e->at;
        assert(!task_state_is_live(t->state));
        settle_tries(w, t, e);
        return 0;
}

static int trigger_fired(struct world *w, const struct world_event *e, struct world_touched *ret) {
        if (e->task->state != TASK_DEFERRED)
                return WORLD_APPLY_STALE;
        return move_task(w, e->task, TASK_SCHEDULED, ret);
}

static int deadline_missed(struct world *w, const struct world_event *e,
                           struct world_touched *ret) {
        uint32_t bit = UINT32_C(1) << e->index;

        assert(e->index < e->run->spec->n_deadlines);
        if (e->run->missed_deadlines & bit || run_state_is_finished(e->run->state))
                return WORLD_APPLY_STALE;
        e->run->missed_deadlines |= bit;
        ret->run = e->run;
        return 0;
}

/* --- the one entrance ------------------------------------------------------------------------- */

static const struct {
        const char *name;
        int (*apply)(struct world *w, const struct world_event *e, struct world_touched *ret);
} kinds[_WORLD_EVENT_KIND_MAX] = {
        [WORLD_RUN_CREATED] = {"run_created", run_created},
        [WORLD_RUN_STARTED] = {"run_started", run_started},
        [WORLD_RUN_FINISHED] = {"run_finished", run_finished},
        [WORLD_RUN_MARKED] = {"run_marked", run_finished},
        [WORLD_TASK_SCHEDULED] = {"task_scheduled", task_scheduled},
        [WORLD_TASK_SETTLED] = {"task_settled", task_settled},
        [WORLD_TRY_CREATED] = {"try_created", try_created},
        [WORLD_TRY_STARTED] = {"try_started", try_started},
        [WORLD_TRY_STOPPING] = {"try_stopping", try_stopping},
        [WORLD_TRY_ENDED] = {"try_ended", try_ended},
        [WORLD_TASK_CLEARED] = {"task_cleared", task_cleared},
        [WORLD_TASK_MARKED] = {"task_marked", task_marked},
        [WORLD_TASK_EXPANDED] = {"task_expanded", task_expanded},
        [WORLD_TRIGGER_FIRED] = {"trigger_fired", trigger_fired},
        [WORLD_DEADLINE_MISSED] = {"deadline_missed", deadline_missed},
};

int world_apply(struct world *w, const struct world_event *e, struct world_touched *ret) {
        struct world_touched touched = {};
        int r;

        assert(e->kind < _WORLD_EVENT_KIND_MAX && kinds[e->kind].apply);
        assert(e->dag || e->run || e->task);
        r = kinds[e->kind].apply(w, e, &touched);
        *ret = touched;
        return r;
}

const char *world_apply_event_name(enum world_event_kind k) {
        assert(k < _WORLD_EVENT_KIND_MAX);
        return kinds[k].name;
}

const char *world_apply_result_name(enum world_result r) {
        assert(r < _WORLD_RESULT_MAX);
        return result_names[r];
}

int world_apply_result_parse(const char *name, enum world_result *ret) {
        for (enum world_result r = 0; r < _WORLD_RESULT_MAX; r++)
                if (str_eq(result_names[r], name)) {
                        *ret = r;
                        return 0;
                }
        return 1;
}
