/* Placeholders of commands and environment values, filled in when a try is made: {{name}} is looked
 * up in the run's conf, the task's variables, the DAG's variables, then among Airflow's context
 * names (ds, ts, run_id, params.x …). See placeholder.h for the form. Pure. */
#pragma once

#include "daemons/scheduler/core/world.h"

struct buf;

struct template_context {
        const struct world_task *task;
        struct dag_pairs conf;      /* the run's conf, values as text */
        struct dag_pairs variables; /* set by people on the server */
        struct dag_pairs arguments; /* of an instance of a mapped task; they come first */
        /* Adds the value of a name nobody else knows: 0; 1: not known; -errno. NULL: nobody to ask.
         */
        int (*more)(void *user, const char *name, struct buf *out);
        void *user;
};

/* Writes the filled-in text after what *out holds. 0; -EINVAL with em set when values refer to
 * themselves or grow too long; -ENOMEM. */
int template_render(const char *text, const struct template_context *c, struct buf *out,
                    struct errmsg *em);
