/* try_spec.h: the text of spec.json for one try: what to run, as whom, with which environment.
 *
 * Placeholders of the command and of environment values are filled in here. Pure but for reading
 * nothing: all it needs stands in the arguments. */
#pragma once

#include "daemons/scheduler/core/world.h"
#include "lib/base/buf.h"
#include "lib/base/errmsg.h"

struct try_spec {
        const struct world_task *task;
        const char *token;        /* of the task, or NULL */
        const char *tracking_url; /* MLFLOW_TRACKING_URI */
        const char *state_dir;
        const char *venv; /* the directory of its Python environment */
        const char *scheduler_socket;
        usec_t stop_at; /* ONEBOX_STOP_AT: when the machine stops as far as is known; USEC_INFINITY
                         */
        usec_t grace_for;
        uint64_t log_limit;
        bool tracked;               /* it has a run of its own in the tracking server */
        struct dag_pairs arguments; /* of an instance of a mapped task */
        int (*more)(void *user, const char *name, struct buf *out); /* as template_context's */
        void *user;
};

/* Adds the JSON to `out`. -EINVAL with *em when placeholders cannot be filled in; -ENOMEM. */
int try_spec_print(const struct try_spec *spec, struct buf *out, struct errmsg *em);
