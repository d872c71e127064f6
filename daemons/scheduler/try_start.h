/* try_start.h: all that has to stand before the launcher is asked: the try's directory with its
 * spec.json, the task's token in it. Threads: the loop's. */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"

struct scheduler;
struct world_task;

/* The text of its spec.json. Answers as try_start_prepare(). */
int try_start_print(struct scheduler *s, struct world_task *task, struct buf *out,
                    struct errmsg *em);

/* -EINVAL with *em: this task can never start so; other -errno with *em: not now, try again. */
int try_start_prepare(struct scheduler *s, struct world_task *task, struct errmsg *em);
