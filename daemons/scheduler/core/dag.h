/* A DAG as the scheduler runs it, parsed from our documented DAG JSON (onebox-dag(5)), version 1.
 * A parsed DAG never changes; it is shared by reference by the runs that execute it, so a run ends
 * with the tasks it began with whatever happens to the file. All strings live in the DAG's arena.
 * References are counted without locks: one thread owns all references of one DAG. Pure. */
#pragma once

#include "daemons/scheduler/core/trigger_rule.h"
#include "lib/base/arena.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"
#include "lib/base/strmap.h"

#define DAG_VERSION 1
#define DAG_TASKS_MAX 10000u
#define DAG_ID_MAX 250u /* bytes of a DAG, task or group id */

enum dag_kind {
        DAG_COMMAND, /* a process: cmd for bash -c, or argv */
        DAG_MARKER,  /* settles at once, without a process */
        _DAG_KIND_MAX,
};

/* What to do with run times that passed while nobody could start them. */
enum dag_missed {
        DAG_MISSED_SKIP,   /* none of them (a minute late is not missed) */
        DAG_MISSED_LAST,   /* the latest one only: Airflow's catchup=False */
        DAG_MISSED_ALL,    /* every one, oldest first: Airflow's catchup=True */
        DAG_MISSED_WITHIN, /* those at most missed_within_for old */
        _DAG_MISSED_MAX,
};

enum dag_schedule_kind {
        DAG_SCHEDULE_NONE, /* by hand only */
        DAG_SCHEDULE_ONCE,
        DAG_SCHEDULE_CRON,
        DAG_SCHEDULE_DELTA,
        DAG_SCHEDULE_EVENTS,     /* at listed moments */
        DAG_SCHEDULE_CONTINUOUS, /* each run as soon as the one before has ended */
        _DAG_SCHEDULE_KIND_MAX,
};

#define DAG_CRONS_MAX 16u
#define DAG_EVENTS_MAX 100000u

/* The schedule as written; timetable_init() makes it computable. */
struct dag_schedule {
        enum dag_schedule_kind kind;
        const char *cron;              /* expression or preset, for DAG_SCHEDULE_CRON */
        const char *const *more_crons; /* further ones: a run whenever one of them says so */
        size_t n_more_crons;
        usec_t delta_for;       /* for DAG_SCHEDULE_DELTA */
        bool data_interval;     /* runs cover the interval that just ended, instead of a point */
        usec_t interval_for;    /* without data_interval: how far back a run's interval reaches */
        bool run_immediately;   /* no start date, no run yet: the tick just past, however old */
        usec_t immediately_for; /* … if it is at most that old; 0: a tenth of the distance */
        const usec_t *events;   /* ascending, each once, for DAG_SCHEDULE_EVENTS */
        size_t n_events;
        bool restrict_to_events; /* a run by hand takes the date of the event before it */
};

/* How a task's weight follows from the priority weights around it. */
enum dag_weight_rule {
        DAG_WEIGHT_DOWNSTREAM, /* its own and those of all tasks that come after it */
        DAG_WEIGHT_UPSTREAM,   /* its own and those of all tasks before it */
        DAG_WEIGHT_ABSOLUTE,   /* its own */
        _DAG_WEIGHT_RULE_MAX,
};

struct dag_pair {
        const char *key;
        const char *value;
};

struct dag_pairs {
        struct dag_pair *items;
        size_t n;
};

struct dag_mount {
        const char *volume; /* name, for messages */
        const char *source; /* absolute directory on this machine, NULL when not known here */
        const char *path;   /* where the task sees it */
        const char *sub_path;
        bool read_only;
};

struct dag_secret {
        const char *secret;
        const char *source; /* file on this machine, NULL when not known here */
        const char *path;   /* the directory that shows it as "credentials", or NULL */
        bool read_only;
        bool encrypted; /* by systemd-creds */
};

/* What an image's own Python environment is made of. */
struct dag_environment {
        const char *image;
        const char *source; /* absolute directory; its requirements.txt counts */
        const char *python_version;
        const char *pip_conf;
        const char *build_cmd;
};

#define DAG_LEASES_MAX 4u
#define DAG_DEVICES_MAX 16u

/* So many of a counted resource of the machine, held as long as a try lives. */
struct dag_lease {
        const char *name; /* "gpu", or one the configuration names */
        unsigned n;
};

/* Limits of one try; 0 means none was asked for. */
struct dag_resources {
        uint64_t memory_max_bytes;
        unsigned cpu_quota_percent; /* 100: one core */
        unsigned tasks_max;
        unsigned cpu_weight;
        unsigned io_weight;
        struct dag_lease leases[DAG_LEASES_MAX];
        size_t n_leases;
        const char *const *devices; /* further ones it may open; those of leased GPUs come of
                                     * themselves */
        size_t n_devices;
};

/* What a callback follows. */
enum dag_on {
        DAG_ON_SUCCESS,
        DAG_ON_FAILURE,
        DAG_ON_RETRY,   /* of tasks */
        DAG_ON_SKIPPED, /* of tasks */
        _DAG_ON_MAX,
};

enum dag_callback_kind {
        DAG_CALLBACK_COMMAND, /* for bash -c */
        DAG_CALLBACK_WEBHOOK, /* an address that is posted to */
        DAG_CALLBACK_MAIL,    /* addresses, commas between */
        _DAG_CALLBACK_KIND_MAX,
};

struct dag_callback {
        enum dag_callback_kind kind;
        const char *text;
};

struct dag_callbacks {
        struct dag_callback *items;
        size_t n;
};

#define DAG_DEADLINES_MAX 16u

enum dag_deadline_from {
        DAG_DEADLINE_LOGICAL_DATE,
        DAG_DEADLINE_QUEUED_AT,
        DAG_DEADLINE_STARTED_AT,
        DAG_DEADLINE_FIXED,
        _DAG_DEADLINE_FROM_MAX,
};

/* By when a run has to be finished, and whom to tell when it is not. */
struct dag_deadline {
        enum dag_deadline_from from;
        usec_t fixed_at;
        usec_t after_for;
        const char *name; /* or NULL */
        struct dag_callbacks callbacks;
};

struct json;

/* One argument of a mapped task: an instance for each of its values. */
struct dag_expand {
        const char *name; /* NULL: the values are objects with the arguments of an instance */
        const struct json *values; /* a JSON array as written, or NULL: from an XCom */
        const char *task_id;
        const char *key;
};

/* Whether each of its tries has a run of its own in the tracking server, and what that says. */
struct dag_tracking {
        enum {
                DAG_TRACKING_UNSAID, /* the configuration decides */
                DAG_TRACKING_OFF,
                DAG_TRACKING_ON,
        } on;
        const char *experiment; /* by name; NULL: the DAG's id */
        const char *project;    /* what it is for, or NULL */
        const char *const *source_tables;
        size_t n_source_tables;
        const char *destination_table; /* or NULL */
};

/* What a task's return value decides about the tasks after it. */
enum dag_decides {
        DAG_DECIDES_NOTHING,
        DAG_DECIDES_BRANCH,        /* names the direct downstream tasks to follow */
        DAG_DECIDES_SHORT_CIRCUIT, /* false, empty or 0: everything after it is skipped */
        _DAG_DECIDES_MAX,
};

struct dag_task {
        unsigned index; /* its place in dag->tasks */
        const char *id;
        enum dag_kind kind;
        const char *cmd;         /* for bash -c; NULL when argv is given or for a marker */
        const char *const *argv; /* NULL-terminated, or NULL */
        size_t n_argv;
        const char *cwd; /* absolute, or NULL */
        struct dag_pairs env;
        struct dag_pairs variables; /* for placeholders, before the DAG's */
        const unsigned *upstream;   /* indexes of direct upstream tasks, ascending */
        size_t n_upstream;
        const unsigned *downstream;
        size_t n_downstream;
        enum trigger_rule rule;
        bool is_setup;
        bool is_teardown;
        bool on_failure_fail_dagrun; /* teardown: its failure is the run's */
        const unsigned *guards; /* not upstream, but looked at before the start: setups that must
                                 * succeed; of a teardown, tasks in its scope that must end */
        size_t n_guards;
        const unsigned *guarded; /* whose guard it is */
        size_t n_guarded;
        bool depends_on_past;
        bool wait_for_downstream;    /* … and on the direct downstream tasks of its past */
        unsigned max_active_per_dag; /* instances at once over all runs; 0: no limit */
        unsigned max_active_per_run;
        enum dag_decides decides;
        bool keeps_downstream_rules; /* short circuit: only direct downstream tasks are skipped */
        struct dag_expand *expand;   /* a mapped task */
        size_t n_expand;
        struct dag_callbacks on[_DAG_ON_MAX];
        bool fail_if_failed; /* marker: fails when any task of the run failed */
        unsigned retries;
        usec_t retry_delay_for;
        double retry_factor;          /* 1: always the same delay; 2: doubled each time */
        usec_t retry_max_delay_for;   /* 0: a day */
        usec_t execution_timeout_for; /* 0: none */
        usec_t poke_interval_for; /* 0: none; else exit code 98 means: not yet, ask again then */
        usec_t poke_timeout_for;  /* 0: none; else how long it is asked, from its first start on */
        bool soft_fail;           /* a sensor that asked too long is skipped, not failed */
        const char *pool;
        unsigned pool_slots;
        int priority_weight;
        enum dag_weight_rule weight_rule;
        int64_t weight; /* what ready tasks are sorted by, from priority_weight by weight_rule */
        struct dag_resources resources;
        const char *group;                   /* id of its group, or NULL */
        const char *description;             /* or NULL */
        const char *image;                   /* or NULL */
        struct dag_environment *environment; /* or NULL: onebox's own */
        const char *type;                    /* what it was in the source ("python"), or NULL */
        struct dag_mount *mounts;
        size_t n_mounts;
        struct dag_secret *secrets;
        size_t n_secrets;
        bool xcom;
        struct dag_tracking tracking;
        const char *mapped_from; /* id of the task whose matrix made this one, or NULL */
};

struct dag_group {
        const char *id;
        const char *parent;      /* or NULL */
        const char *description; /* or NULL */
};

struct dag {
        unsigned n_refs;
        struct arena arena;
        const char *id;
        const char *description; /* or NULL */
        const char *owner;       /* "onebox" when none was given */
        const char *user;        /* Unix user of its tasks, or NULL: the configured one */
        const char *const *tags;
        size_t n_tags;
        const char *source_file; /* where it was written, for messages; or NULL */
        struct dag_schedule schedule;
        const char *timezone; /* IANA name, "UTC" when none was given */
        usec_t start_at;      /* USEC_INFINITY: none */
        usec_t end_at;        /* USEC_INFINITY: none */
        enum dag_missed missed;
        usec_t missed_within_for;
        unsigned max_active_runs;
        unsigned max_active_tasks;
        usec_t dagrun_timeout_for; /* 0: none */
        bool paused_at_creation;
        const char *params;           /* JSON object text: defaults of a run's conf */
        struct dag_pairs param_texts; /* the scalar ones of params */
        struct dag_pairs variables;
        struct dag_task *tasks; /* in the order written */
        size_t n_tasks;
        struct dag_group *groups;
        size_t n_groups;
        const unsigned *leaves; /* indexes of the tasks whose ends are the run's: those without
                                 * downstream, teardowns passed over */
        size_t n_leaves;
        bool uses_past; /* a task depends on its past */
        struct dag_callbacks on[_DAG_ON_MAX];
        struct dag_deadline *deadlines;
        size_t n_deadlines;
        struct strmap task_map; /* id → struct dag_task */
};

/* Parses one DAG. -EINVAL with the JSON path, the reason and the remedy in *em; -ENOMEM. */
int dag_parse(const char *text, size_t n_bytes, struct dag **ret, struct errmsg *em);

struct dag *dag_ref(struct dag *d);
struct dag *dag_unref(struct dag *d); /* takes NULL, returns NULL */
DEFINE_CLEANUP(struct dag *, dag_unref)

/* By id; NULL when there is none. O(1). */
const struct dag_task *dag_get_task(const struct dag *d, const char *task_id);

const char *dag_on_name(enum dag_on on); /* "on_failure" */
const char *dag_callback_kind_name(enum dag_callback_kind k);

const char *dag_kind_name(enum dag_kind k);
const char *dag_missed_name(enum dag_missed m);

/* When a task that has failed its n-th time (1…) may be tried again after ended_at: its delay,
 * times its factor for each failure before, at most its maximum. Without Airflow's jitter: on one
 * machine there is no herd to spread. */
usec_t dag_retry_at(const struct dag_task *t, unsigned n_failures, usec_t ended_at);
