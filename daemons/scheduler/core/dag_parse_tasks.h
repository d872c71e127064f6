/* The "tasks" of a DAG and their edges. For dag_parse() only. Pure. */
#pragma once

#include "daemons/scheduler/core/dag_keys.h"

/* target: the struct dag. The path of *r must be "tasks". 0, -EINVAL with em set, -ENOMEM. */
int dag_parse_tasks(struct dag_reader *r, const struct json *v, void *target);
