/* Everything the decision needs to know, in memory: DAGs, their unfinished runs, task instances,
 * pools. It is a picture of the database: every change comes through world_apply(), and whatever
 * world_apply() changed in a run or task is what its row must hold.
 *
 * Indexes are kept so that a decision costs what is to be done, not what exists: each task counts
 * how its upstream tasks ended, and stands in at most one queue (see enum world_queue).
 *
 * One thread owns a world. Pure: time is an argument. Pointers to runs and tasks stay valid until
 * world_forget_run(), pointers to DAGs until world_done(). */
#pragma once

#include "daemons/scheduler/core/dag.h"
#include "daemons/scheduler/core/run_state.h"
#include "daemons/scheduler/core/task_state.h"
#include "daemons/scheduler/core/timetable.h"
#include <sys/queue.h>

/* A task that was cut off so often within a minute of its start waits before the next try,
 * doubling. */
#define WORLD_INTERRUPTIONS_FREE 5u
#define WORLD_INTERRUPTION_FOR (5 * USEC_PER_SEC)

#define WORLD_ID_SIZE 37u /* a UUID in text and its NUL */

/* Where an unfinished task of a running run waits. */
enum world_queue {
        WORLD_QUEUE_NONE,   /* for its upstream tasks or its run; or it is finished */
        WORLD_QUEUE_SETTLE, /* decided without a process: see world_task.verdict */
        WORLD_QUEUE_READY,  /* for a slot */
        WORLD_QUEUE_RETRY,  /* for retry_at */
        WORLD_QUEUE_EXPAND, /* for its number of instances: a mapped task whose values are there */
        WORLD_QUEUE_LIVE,   /* for its process */
        _WORLD_QUEUE_MAX,
};

/* Why a live try was told to stop. */
enum world_stop {
        WORLD_STOP_NONE,
        WORLD_STOP_TIMEOUT,     /* execution_timeout */
        WORLD_STOP_RUN_TIMEOUT, /* dagrun_timeout */
        WORLD_STOP_CLEARED,     /* cleared by a person: begins anew when it has ended */
        WORLD_STOP_MARKED,      /* marked by a person: takes marked_state when it has ended */
        _WORLD_STOP_MAX,
};

#define WORLD_MAPS_MAX 10000u
#define WORLD_SLOTS_INFINITE (1u << 30) /* a pool without limit */

/* A mapped task is one struct in its run's array, and one more for each instance once it is
 * expanded. The first one then stands for all of them: it has no row, is not counted and never
 * runs; the counters of their upstream tasks are its own. */
struct world_task {
        /* --- the row ----------------------------------------------------------------------- */
        enum task_state state;
        unsigned try_number;        /* of the current or latest try; 0: never tried */
        unsigned max_tries;         /* a failure at try_number > max_tries is final */
        char try_id[WORLD_ID_SIZE]; /* of the current or latest try; "" when never tried */
        usec_t queued_at;           /* of the latest try; USEC_INFINITY when not yet */
        usec_t started_at;
        usec_t ended_at;
        usec_t retry_at;     /* while up_for_retry, up_for_reschedule or deferred, or
                              * interrupted too often */
        bool again;          /* the next try goes on with this one: it has its number */
        usec_t poking_since; /* a sensor that found nothing yet: when it first looked, since it was
                              * cleared; else USEC_INFINITY */
        unsigned *skips;     /* tasks it decided to skip; owned */
        size_t n_skips;
        uint64_t leases[DAG_LEASES_MAX]; /* which units of spec->resources.leases[i] it holds */
        enum world_stop stop;            /* while live */
        enum task_state marked_state;    /* while stop is WORLD_STOP_MARKED */

        /* --- in memory only ---------------------------------------------------------------- */
        struct world_run *run;
        const struct dag_task *spec;
        int map_index;            /* -1: not mapped, or standing for all instances */
        struct world_task *all;   /* of an instance: what stands for all of them; else itself */
        struct world_task **maps; /* the instances */
        unsigned n_maps;
        bool is_expanded;
        bool needs_expand;     /* its number of instances is not known, or may have changed */
        unsigned n_tries_live; /* its live instances, or itself */
        unsigned n_skippers;   /* how many tasks decided to skip it */
        struct trigger_rule_counts counts;
        struct world_pool *pool; /* whose slots it holds, while live */
        enum world_queue queue;
        enum task_state verdict; /* while in WORLD_QUEUE_SETTLE: the state it will take */
        TAILQ_ENTRY(world_task) in_queue;
};

TAILQ_HEAD(world_tasks, world_task);

struct world_run {
        /* --- the row ----------------------------------------------------------------------- */
        char *id;
        enum run_state state;
        enum run_type type;
        struct timetable_run
                when; /* logical_at is USEC_INFINITY for a run without a logical date */
        usec_t queued_at;
        usec_t started_at;
        usec_t ended_at;
        char *conf; /* JSON object text, NULL when none was given */

        /* --- in memory only ---------------------------------------------------------------- */
        struct world_dag *dag;
        struct dag *spec;                /* the version this run executes; a reference */
        uint64_t seq;                    /* order of arrival, ever growing */
        struct world_task *tasks;        /* one per spec->tasks, same order */
        unsigned n_all;                  /* of them and all instances */
        uint32_t missed_deadlines;       /* a bit each; the row has it */
        struct world_backfill *backfill; /* that made it, or NULL */
        bool ignores_past;               /* the first of a backfill; the row has it */
        unsigned n_unfinished;
        unsigned n_failed; /* tasks failed or upstream_failed */
        unsigned n_live;
        unsigned planned_live; /* scratch of plan_next() */
        bool indexed;          /* counted, its tasks may stand in the queues */
        void *user;            /* the daemon's own */
        LIST_ENTRY(world_run) in_dag;
        TAILQ_ENTRY(world_run) in_active; /* while not finished */
};

LIST_HEAD(world_dag_runs, world_run);
TAILQ_HEAD(world_runs, world_run);

struct world_dag {
        struct dag *spec; /* the newest version; a reference */
        struct timetable timetable;
        bool paused;
        bool shown_paused; /* as people are told: `paused` once it is on the disk */
        bool gone;         /* its source is no more: no new runs */
        bool has_last;
        struct timetable_run last; /* the last run its timetable made */
        bool has_next;
        struct timetable_run next; /* valid for moments before next_stale_at */
        bool next_known;           /* next was computed since last changed */
        unsigned n_running_runs;
        unsigned n_queued_runs;
        unsigned n_live;       /* tasks queued or running */
        unsigned planned_live; /* scratch of plan_next() */
        unsigned planned_runs;
        struct world_dag_runs runs; /* those in memory, latest logical date first */
        void *user;                 /* the daemon's own */
        usec_t version_at;          /* the same: since when it has the newest version */
        TAILQ_ENTRY(world_dag) in_world;
};

TAILQ_HEAD(world_dags, world_dag);

struct world_pool {
        char *name;
        unsigned n_slots;
        unsigned n_used; /* by live tasks */
        unsigned planned_used;
        bool include_deferred; /* deferred tasks keep their slots */
        TAILQ_ENTRY(world_pool) in_world;
};

TAILQ_HEAD(world_pools, world_pool);

/* A counted resource of the machine: units 0 … n-1, each held by one try. */
struct world_resource {
        char *name;
        unsigned n;    /* at most 64 */
        uint64_t used; /* a bit each */
        unsigned planned;
        TAILQ_ENTRY(world_resource) in_world;
};

TAILQ_HEAD(world_resources, world_resource);

/* Runs of past dates, limited by themselves. */
struct world_backfill {
        int64_t id;
        unsigned max_active_runs;
        bool paused;
        unsigned n_running; /* scratch of plan_next() */
        TAILQ_ENTRY(world_backfill) in_world;
};

TAILQ_HEAD(world_backfills, world_backfill);

struct world {
        unsigned parallelism;     /* live tasks at most, over all */
        usec_t timeout_slack_for; /* how long after its time limit a try is stopped by us: the
                                   * shim, which has the same limit, comes first */
        usec_t booted_at; /* since when somebody looks after runs: hours off do not count for
                             dagrun_timeout */
        bool stopping;    /* the night: nothing starts, no run is made */
        uint64_t next_seq;
        struct world_dags dags;
        struct world_pools pools;
        struct world_resources resources;
        struct world_backfills backfills;
        struct world_runs active;
        struct world_tasks settle;
        struct world_tasks retry;
        struct world_tasks expand;
        struct world_tasks live;
        struct world_task **ready; /* by weight descending, then order of arrival */
        size_t n_ready;
        size_t n_ready_allocated;
        size_t n_ready_new; /* of n_ready: not shown as scheduled yet */
        unsigned n_live;
        struct strmap dag_map; /* id → struct world_dag */
};

int world_init(struct world *w, unsigned parallelism);
void world_done(struct world *w);

/* Adds a DAG or gives an existing one its new version (takes its own reference). The zone is
 * borrowed and must outlive the world. -EINVAL with *em when its schedule does not parse. */
int world_put_dag(struct world *w, struct dag *d, const struct zone *zone, struct world_dag **ret,
                  struct errmsg *em);
struct world_dag *world_get_dag(const struct world *w, const char *dag_id);

/* The last automated run of a DAG, from the database. */
void world_set_last(struct world_dag *wd, const struct timetable_run *last);
void world_set_paused(struct world_dag *wd, bool paused);
/* What it is decided by is on the disk. */
void world_show_paused(struct world_dag *wd);

/* Adds a pool or changes its slots. "default_pool" (128 slots) always exists. A task that names a
 * pool which does not exist waits, and why says so. */
int world_put_pool(struct world *w, const char *name, unsigned n_slots);
struct world_pool *world_get_pool(const struct world *w, const char *name);

/* Takes a pool away, unless a task holds slots of it (-EBUSY). -ENOENT. */
int world_remove_pool(struct world *w, const char *name);

/* Adds a counted resource or changes how many there are. */
int world_put_resource(struct world *w, const char *name, unsigned n);
struct world_resource *world_get_resource(const struct world *w, const char *name);

/* Adds a backfill or finds it. NULL: no memory. */
struct world_backfill *world_put_backfill(struct world *w, int64_t id);
struct world_backfill *world_get_backfill(const struct world *w, int64_t id);

/* A run as the database has it, before the scheduler decides anything: first the run with all its
 * tasks in TASK_NONE (the rows of *run and of its tasks are then set by the caller), then
 * world_restore_run_done(). spec is the version the run began with. */
int world_restore_run(struct world *w, struct world_dag *wd, struct dag *spec, const char *run_id,
                      struct world_run **ret);
int world_restore_run_done(struct world *w, struct world_run *run);

/* Both NULL when not in memory. */
struct world_run *world_get_run(const struct world_dag *wd, const char *run_id);
struct world_task *world_get_task(const struct world_run *run, const char *task_id, int map_index);

/* Every task of the run that has a row: of an expanded one its instances. */
struct world_walk {
        size_t i;
        unsigned map;
};
struct world_task *world_walk_next(const struct world_run *run, struct world_walk *walk);
#define world_each_task(t, run) \
        for (struct world_walk walk_ = {}; ((t) = world_walk_next((run), &walk_));)

/* Drops a finished run from memory. Keep the latest run of a DAG whose tasks depend on their past;
 * world_may_forget_run() says whether nothing needs it any more. */
bool world_may_forget_run(const struct world_run *run);
void world_forget_run(struct world *w, struct world_run *run);

/* The run before and the run after this one by logical date, NULL when there is none in memory. As
 * in Airflow a run without a date has no past and is nobody's. */
struct world_run *world_prev_run(const struct world_run *run);
struct world_run *world_next_of(const struct world_run *run);

/* The next run of a DAG's timetable as seen at `now`. 0, or 1 when none will come. */
int world_next_run(struct world_dag *wd, usec_t now, struct timetable_run *ret);
/* When the first of all DAGs that are here and not paused is due; USEC_INFINITY: none is. */
usec_t world_next_due(struct world *w, usec_t now);

/* The failed tries since the task was last cleared, the current one included. */
unsigned world_task_failures(const struct world_task *t);

/* "timeout", "cleared"… as stored. */
const char *world_stop_name(enum world_stop s);
int world_stop_parse(const char *name, enum world_stop *ret);

/* Drops every run of the DAG that world_may_forget_run() allows to drop. */
void world_sweep(struct world *w, struct world_dag *wd);
