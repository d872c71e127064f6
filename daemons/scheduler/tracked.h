/* tracked.h: the run in the tracking server that a try of a task has of its own: its id is the
 * try's without the dashes, so it is made once however often it is told. Threads: the loop's. */
#pragma once

#include "lib/base/clock.h"

struct scheduler;
struct world_task;

/* Has this task such a run? */
bool tracked_is_on(const struct scheduler *s, const struct world_task *task);

/* The task's try leaves the queue at `at`: what is to be told of it is written down, in the
 * transaction that is under way. 0 or -errno. */
int tracked_note(struct scheduler *s, struct world_task *task, usec_t at);
