/* Callbacks and deadlines in DAG JSON: rows for the tables of keys. Pure. */
#pragma once

#include "daemons/scheduler/core/dag_keys.h"

/* "on_success", … of a task, of a DAG: target is the struct. */
int dag_callbacks_task_success(struct dag_reader *r, const struct json *v, void *target);
int dag_callbacks_task_failure(struct dag_reader *r, const struct json *v, void *target);
int dag_callbacks_task_retry(struct dag_reader *r, const struct json *v, void *target);
int dag_callbacks_task_skipped(struct dag_reader *r, const struct json *v, void *target);
int dag_callbacks_dag_success(struct dag_reader *r, const struct json *v, void *target);
int dag_callbacks_dag_failure(struct dag_reader *r, const struct json *v, void *target);

/* "deadlines" of a DAG. */
int dag_callbacks_deadlines(struct dag_reader *r, const struct json *v, void *target);
