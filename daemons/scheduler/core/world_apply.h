/* Events: the only way a world changes. The same function serves the live daemon, the replay after
 * a restart and the simulator.
 *
 * Use: apply, write the touched rows in one transaction, let effects (starting a process, answering
 * a client) wait for its commit. A process that dies in between replays from disk.
 *
 * A move that the state tables forbid, or an event about a try that is not the task's current one,
 * changes nothing and answers WORLD_APPLY_STALE: late reports and repeated ones are harmless. */
#pragma once

#include "daemons/scheduler/core/world.h"

enum world_event_kind {
        WORLD_RUN_CREATED,     /* run_id, run_type, when, conf: a run in RUN_QUEUED */
        WORLD_RUN_STARTED,     /* RUN_QUEUED → RUN_RUNNING */
        WORLD_RUN_FINISHED,    /* run_state */
        WORLD_RUN_MARKED,      /* run_state: by a person; unfinished tasks are marked one by one */
        WORLD_TASK_SCHEDULED,  /* may start, waits for a slot */
        WORLD_TASK_SETTLED,    /* task_state: decided without a process */
        WORLD_TRY_CREATED,     /* try_id, try_number: TASK_QUEUED, its slot is taken */
        WORLD_TRY_STARTED,     /* try_id */
        WORLD_TRY_STOPPING,    /* try_id, stop: its end has been asked for */
        WORLD_TRY_ENDED,       /* try_id, result */
        WORLD_TASK_CLEARED,    /* begins anew; its run is queued again when it had finished. A live
                                * task   is only noted: have its try stopped, its end does the rest */
        WORLD_TASK_EXPANDED,   /* n_maps: a mapped task has so many instances; 0: it is skipped */
        WORLD_TRIGGER_FIRED,   /* a deferred task goes on */
        WORLD_DEADLINE_MISSED, /* index: of the run's deadlines */
        WORLD_TASK_MARKED, /* task_state: success, failed or skipped, by a person. Live: as above */
        _WORLD_EVENT_KIND_MAX,
};

/* How a try ended. */
enum world_result {
        WORLD_RESULT_SUCCESS,
        WORLD_RESULT_FAILED,
        WORLD_RESULT_FAILED_FINAL, /* asked for no further try */
        WORLD_RESULT_TIMED_OUT,    /* like failed */
        WORLD_RESULT_SKIPPED,      /* exit code 99, as Airflow's BashOperator has it */
        WORLD_RESULT_INTERRUPTED,  /* cut off by a night, a power cut or a lost process: no retry
                                      used */
        WORLD_RESULT_STOPPED,      /* ended because we asked: by the reason of the stop */
        WORLD_RESULT_RESCHEDULED,  /* asked to come again at again_at: the same try goes on */
        WORLD_RESULT_DEFERRED,     /* waits for a trigger, until again_at at most */
        _WORLD_RESULT_MAX,
};

/* Strings are borrowed for the call. */
struct world_event {
        enum world_event_kind kind;
        usec_t at;
        usec_t started_at;       /* WORLD_TRY_ENDED: when it began, 0 when not known */
        struct world_dag *dag;   /* WORLD_RUN_CREATED */
        struct world_run *run;   /* events of a run */
        struct world_task *task; /* events of a task or try */
        const char *run_id;
        enum run_type run_type;
        struct timetable_run when;
        const char *conf; /* JSON object text or NULL */
        enum run_state run_state;
        enum task_state task_state;
        const char *try_id;
        unsigned try_number;
        enum world_result result;
        enum world_stop stop;
        usec_t again_at; /* WORLD_TRY_ENDED, rescheduled or deferred; USEC_INFINITY: no limit */
        const unsigned *skips; /* WORLD_TRY_ENDED with success: tasks that are skipped by it */
        size_t n_skips;
        unsigned n_maps;
        unsigned index;
        struct world_backfill *backfill; /* WORLD_RUN_CREATED, or NULL */
        bool ignores_past;
};

/* What changed: rows to write. NULL where nothing did. After WORLD_RUN_CREATED the run and all its
 * tasks are new. */
struct world_touched {
        struct world_dag *dag; /* its `last` changed */
        struct world_run *run;
        struct world_task *task;
};

#define WORLD_APPLY_STALE 1

/* 0, WORLD_APPLY_STALE (nothing changed), -EEXIST (a run of that id is in memory), -ENOMEM (nothing
 * changed). */
int world_apply(struct world *w, const struct world_event *e, struct world_touched *ret);

const char *world_apply_event_name(enum world_event_kind k);
const char *world_apply_result_name(enum world_result r);
int world_apply_result_parse(const char *name, enum world_result *ret);
