/* How many instances a mapped task has, and with which values each runs. The values are written in
 * the DAG, or XComs the caller has read. Pure. */
#pragma once

#include "daemons/scheduler/core/world.h"

#define EXPAND_NEEDS_XCOM 1

/* Of values written in the DAG: their product. 0; EXPAND_NEEDS_XCOM; -ERANGE: too many. */
int expand_count_written(const struct dag_task *t, unsigned *ret_n);

/* values: for each of t->expand its array or, of {…}, its members; NULL: none.
 * 0; with *em: -ENODATA (a value is missing), -EINVAL (no array, an instance's arguments are no
 * object, too many). */
int expand_count(const struct dag_task *t, const struct json *const *values, unsigned *ret_n,
                 struct errmsg *em);

/* What becomes of a mapped task when a value is missing: skipped when a task that was to leave it
 * is, else upstream_failed. */
enum task_state expand_missing_state(const struct world_task *all);

/* The arguments of one instance, as pairs of name and text (JSON where a value is no scalar), from
 * the arena. As Airflow counts: the last argument changes fastest. 0; -EINVAL; -ENOMEM. */
int expand_arguments(const struct dag_task *t, const struct json *const *values, unsigned map_index,
                     struct arena *a, struct dag_pairs *ret, struct errmsg *em);
