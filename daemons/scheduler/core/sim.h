/* Nights on a virtual clock: plan_next() and world_apply() as they are, with
 * tasks that take seeded random times, fail, and are cut off by nights. For
 * `onebox simulate` and for the property tests. Pure: the seed decides
 * everything. */
#pragma once

#include "daemons/scheduler/core/plan.h"

struct sim_config {
        uint64_t seed;
        usec_t start_at;
        unsigned n_nights;
        usec_t night_at_for; /* offset of the stop within each 24 h; USEC_INFINITY: no
                                nights */
        usec_t night_for;    /* how long the machine is off */
        usec_t task_min_for; /* durations are drawn from min … max, short ones far
                                more often */
        usec_t task_max_for;
        unsigned fail_percent; /* of tries */
        unsigned skip_percent;
        unsigned come_again_percent; /* of tries that would succeed: rescheduled for a
                                        while first */
        unsigned defer_percent;      /* of the others: deferred, until a trigger fires or a
                                        date */
        unsigned maps_max;        /* a mapped task whose values are a task's gets 0 … so many */
        unsigned restart_percent; /* of tries: the scheduler dies and returns while it
                                     runs */
        unsigned crash_percent;   /* of nights: a power cut instead of an orderly stop */
};

enum sim_what {
        SIM_RUN_CREATED,
        SIM_RUN_FINISHED,
        SIM_TRY_STARTED,
        SIM_TRY_ENDED,
        SIM_TASK_SETTLED,
        SIM_TASK_EXPANDED,
        SIM_DEADLINE_MISSED,
        SIM_NIGHT,
        SIM_MORNING,
};

/* One line of the history. */
struct sim_fact {
        usec_t at;
        enum sim_what what;
        const struct world_run *run;
        const struct world_task *task;
        unsigned try_number;
        enum world_result result;   /* SIM_TRY_ENDED */
        enum task_state task_state; /* state after it */
        enum run_state run_state;   /* SIM_RUN_FINISHED */
        unsigned n_maps;            /* SIM_TASK_EXPANDED */
        const unsigned *skips;      /* SIM_TRY_ENDED: what it decided to skip */
        size_t n_skips;
};

struct sim_summary {
        unsigned long n_runs;
        unsigned long n_runs_success;
        unsigned long n_runs_failed;
        unsigned long n_tries;
        unsigned long n_interrupted;
        unsigned long n_expanded;
        unsigned long n_deadlines_missed;
        unsigned long n_deferred;
        unsigned long n_passes;
        unsigned long n_restarts;
        unsigned long n_stuck; /* runs that can never go on (they depend on a failed past) */
        usec_t ended_at;
};

/* Runs the world, which holds DAGs and no run, through the nights and on until
 * all runs made before the end of the last one are finished or nothing more can
 * happen. on_fact is called for every fact, in order; non-zero stops the
 * simulation and is returned. 0 or -ENOMEM. */
int sim_run(struct world *w, const struct sim_config *c,
            int (*on_fact)(void *user, const struct sim_fact *fact), void *user,
            struct sim_summary *ret);
