/* The key "tracking" of a task. Pure. */
#pragma once

#include "daemons/scheduler/core/dag_keys.h"

/* true, false, or an object with what its run is to say, which is as good as true. */
int dag_tracking_set(struct dag_reader *r, const struct json *v, void *target);

/* `by_default`: what the configuration says of tasks that say nothing. Markers have no tries. */
bool dag_tracking_is_on(const struct dag_task *t, bool by_default);
