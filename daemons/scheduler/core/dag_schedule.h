/* The "schedule" key of DAG JSON. Pure. */
#pragma once

#include "daemons/scheduler/core/dag_keys.h"

/* For the table of the DAG's keys: target is the struct dag. */
int dag_schedule_set(struct dag_reader *r, const struct json *v, void *target);
