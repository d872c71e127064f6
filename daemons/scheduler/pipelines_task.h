/* pipelines_task: one task of a file as tasks of DAG JSON. Pure. */
#pragma once

#include "daemons/scheduler/pipelines_emit.h"
#include "daemons/scheduler/pipelines_matrix.h"

struct pipelines_task {
        const struct pipelines_node *node; /* with its defaults laid under */
        const struct pipelines_node *pipeline;
        const char *id;
        const char *type;
        struct pipelines_matrix matrix;
};

/* Lays the defaults under, finds id, type and variants, checks the keys. */
int pipelines_task_read(struct pipelines_context *c, const struct pipelines_config *config,
                        const struct pipelines_node *pipeline, const struct pipelines_node *node,
                        struct pipelines_task *ret);

/* The id of its variant i; its own id when it has none. NULL when out of memory. */
const char *pipelines_task_id(struct pipelines_context *c, const struct pipelines_task *t,
                              unsigned i);

/* One JSON object of "tasks": variant i, after all of the given ids. */
int pipelines_task_emit(struct pipelines_context *c, const struct pipelines_config *config,
                        const struct pipelines_task *t, unsigned i, const char *const *upstream,
                        size_t n_upstream, struct json_write *w);
