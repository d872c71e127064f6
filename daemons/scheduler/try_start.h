/* try_start.h: all that has to stand before the launcher is asked: the try's directory with its
 * spec.json, the task's token in it. Threads: the loop's. */
#pragma once

#include "lib/base/errmsg.h"

struct scheduler;
struct world_task;

/* -EINVAL with *em: this task can never start so; other -errno with *em: not now, try again. */
int try_start_prepare(struct scheduler *s, struct world_task *task, struct errmsg *em);
