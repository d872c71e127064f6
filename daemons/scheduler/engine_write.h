/* engine_write.h: the rows that an event touched, inside the transaction of its batch. Threads: the
 * loop's. */
#pragma once

#include "daemons/scheduler/core/world_apply.h"

struct scheduler;

/* A run that was made, with its tasks. */
int engine_write_run(struct scheduler *s, struct world_run *run, const char *by, const char *note);
/* The DAG, run and task. */
int engine_write_touched(struct scheduler *s, const struct world_touched *touched);
/* The try it began or started. */
int engine_write_try(struct scheduler *s, const struct world_event *e);
