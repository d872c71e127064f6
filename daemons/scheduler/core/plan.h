/* The decision: given the world and the time, what has to happen now. A pure function; it changes
 * nothing but its own scratch fields. The caller turns each decision into an event
 * (plan_event()), applies it, does what it implies (a start, a stop), and asks again until only the
 * wake-up time is left: skipping, for one, spreads over one level of a DAG per pass.
 *
 *      do {
 *              r = plan_next(w, now, &plan);
 *              for each decision d: fill the id (plan_event), world_apply(), write, act
 *      } while (plan.n > 0);
 *      sleep until plan.wake_at or until something happens
 */
#pragma once

#include "daemons/scheduler/core/world_apply.h"

enum plan_kind {
        PLAN_CREATE_RUN,    /* dag, when */
        PLAN_START_RUN,     /* run */
        PLAN_SCHEDULE_TASK, /* task: it may start, but there is no slot: show it as scheduled */
        PLAN_START_TRY,     /* task: the caller makes a try_id and has it started */
        PLAN_STOP_TRY,      /* task, stop: the caller has it stopped */
        PLAN_SETTLE_TASK,   /* task, task_state: skipped, upstream_failed, or a marker's end */
        PLAN_FINISH_RUN,    /* run, run_state */
        PLAN_EXPAND_TASK,   /* task: the caller counts its values; the event needs n_maps */
        PLAN_MISS_DEADLINE, /* run, index */
        _PLAN_KIND_MAX,
};

struct plan_decision {
        enum plan_kind kind;
        struct world_dag *dag;
        struct world_run *run;
        struct world_task *task;
        struct timetable_run when;
        enum world_stop stop;
        enum task_state task_state;
        enum run_state run_state;
        unsigned index;
};

/* Kept by the caller from pass to pass, so that a pass allocates nothing. Begins zeroed. */
struct plan {
        struct plan_decision *decisions;
        size_t n;
        size_t n_allocated;
        usec_t wake_at; /* the next moment at which something is due; USEC_INFINITY when nothing is
                         */
};

void plan_done(struct plan *p);

/* 0 or -ENOMEM. */
int plan_next(struct world *w, usec_t now, struct plan *p);

#define PLAN_RUN_ID_SIZE 80u

/* The event of a decision. run_id: room for PLAN_RUN_ID_SIZE bytes, used by PLAN_CREATE_RUN and
 * borrowed by *ret. try_id: the new try's for PLAN_START_TRY, else ignored. */
void plan_event(const struct plan_decision *d, usec_t now, const char *try_id, char *run_id,
                struct world_event *ret);

/* "scheduled__2026-11-22T00:00:00+00:00", as Airflow names runs. */
void plan_run_id(enum run_type type, usec_t at, char ret[PLAN_RUN_ID_SIZE]);

/* --- for why.c: the same questions the plan asks --------------------------------------------- */

enum plan_block {
        PLAN_BLOCK_NONE,
        PLAN_BLOCK_PARALLELISM, /* all slots of the machine are taken */
        PLAN_BLOCK_DAG,         /* max_active_tasks of its run */
        PLAN_BLOCK_POOL,        /* too few free slots in its pool */
        PLAN_BLOCK_NO_POOL,     /* its pool does not exist */
        PLAN_BLOCK_TASK,        /* max_active_tis_per_dag */
        PLAN_BLOCK_TASK_IN_RUN, /* max_active_tis_per_dagrun */
        PLAN_BLOCK_LEASE,       /* others hold what it needs: see world_leases_block() */
        PLAN_BLOCK_NO_LEASE,    /* the machine has no such resource, or too few */
};

/* What keeps a ready task from starting, with n_planned starts in this pass already, which plan
 * (NULL: none) tells of. */
enum plan_block plan_block_of(const struct world *w, const struct world_task *t, unsigned n_planned,
                              const struct plan *plan);

/* Instances of the task that live in all runs of its DAG. */
unsigned plan_live_in_dag(const struct world_task *t);

/* When a deadline of a run is over; USEC_INFINITY when that cannot be said yet. */
usec_t plan_deadline_at(const struct world_run *run, const struct dag_deadline *d);

/* When it has taken too long; USEC_INFINITY when nothing limits it now. */
usec_t plan_run_deadline(const struct world *w, const struct world_run *run);
usec_t plan_try_deadline(const struct world *w, const struct world_task *t);
