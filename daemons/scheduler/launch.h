/* launch.h: asks the launcher to start and stop tries, until it has answered.
 *
 * A launcher that is away, or fails, is asked again with a growing pause (50 ms … 5 s), for as long
 * as the scheduler lives; a refusal (4xx) is final. Threads: the loop's. */
#pragma once

#include "daemons/scheduler/core/dag.h"

struct launch;
struct scheduler;

enum launch_verb { LAUNCH_START, LAUNCH_STOP };

int launch_new(struct scheduler *s, struct launch **ret);
struct launch *launch_free(struct launch *l);

/* Asks for a start. Ends in live_launched() or live_refused(). `user` NULL: the launcher's own. */
int launch_start(struct scheduler *s, const char *try_id, const char *user,
                 const struct dag_resources *limits);
/* Asks for a stop. Ends in live_stopped(). */
int launch_stop(struct scheduler *s, const char *try_id);

/* What the launcher last said when it did not do as asked; "" when all is well. */
const char *launch_trouble(const struct scheduler *s);
