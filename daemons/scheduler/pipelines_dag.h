/* pipelines_dag: one pipeline of a file as DAG JSON. Pure. */
#pragma once

#include "daemons/scheduler/pipelines_context.h"

/* Adds it to the result. 0, PIPELINES_BAD, -ENOMEM. */
int pipelines_dag_compile(struct pipelines_context *c, const struct pipelines_config *config,
                          const struct pipelines_node *pipeline);
