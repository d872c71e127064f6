/* Nights on a virtual clock: plan_next() and world_apply() as they are, with tasks that take seeded
 * random times, fail, and are cut off by nights. For `onebox simulate` and for the property tests.
 * Pure: the seed decides everything. */
#pragma once

#include "daemons/scheduler/core/plan.h"

struct sim_config {
        uint64_t seed;
        usec_t start_at;
        unsigned n_nights;
        usec_t night_at_for; /* offset of the stop within each 24 h; USEC_INFINITY: no nights */
        usec_t night_for;    /* how long the machine is off */
        usec_t task_min_for; /* durations are drawn from min … max, short ones far more often */
        usec_t task_max_for;
        unsigned fail_percent; /* of tries */
        unsigned skip_percent;
        unsigned crash_percent; /* of nights: a power cut instead of an orderly stop */
};

enum sim_what {
        SIM_RUN_CREATED,
        SIM_RUN_FINISHED,
        SIM_TRY_STARTED,
        SIM_TRY_ENDED,
        SIM_TASK_SETTLED,
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
};

struct sim_summary {
        unsigned long n_runs;
        unsigned long n_runs_success;
        unsigned long n_runs_failed;
        unsigned long n_tries;
        unsigned long n_interrupted;
        unsigned long n_passes;
        usec_t ended_at;
};

/* Called for every fact, in order; non-zero stops the simulation and is returned. */
typedef int (*sim_on_fact)(void *user, const struct sim_fact *fact);

/* Runs the world, which holds DAGs and no live task, through the nights and on until all runs made
 * before the last morning are finished or nothing more can happen. 0, -ENOMEM, what on_fact said,
 * or -EDEADLK when unfinished work can never go on (a defect). */
int sim_run(struct world *w, const struct sim_config *c, sim_on_fact on_fact, void *user,
            struct sim_summary *ret);
