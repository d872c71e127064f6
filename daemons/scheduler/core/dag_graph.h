/* The edges of a DAG: names of upstream tasks to indexes, downstream lists, leaves, weights; and
 * the refusal of cycles. For dag_parse() only. Pure. */
#pragma once

#include "daemons/scheduler/core/dag_keys.h"

/* upstream[i] is the JSON array of the i-th task's upstream ids, or NULL. d->tasks and d->task_map
 * are filled. 0, -EINVAL with em set, -ENOMEM. */
int dag_graph_build(struct dag_reader *r, struct dag *d, const struct json *const *upstream);
