/* launch.h: asks the launcher to start and stop tries, until it has answered.
 *
 * A launcher that is away, or fails, is asked again with a growing pause (50 ms … 5 s), for as long
 * as the scheduler lives; a refusal (4xx) is final. Threads: the loop's. */
#pragma once

struct launch;
struct scheduler;
struct world_task;

enum launch_verb { LAUNCH_START, LAUNCH_STOP };

int launch_new(struct scheduler *s, struct launch **ret);
struct launch *launch_free(struct launch *l);

/* Asks for a start. Ends in live_launched() or live_refused(). `user` NULL: the launcher's own.
 * `task`: whose limits it has and what it takes with it; NULL (a callback): no more than a place.
 */
int launch_start(struct scheduler *s, const char *try_id, const char *user,
                 const struct world_task *task);
/* Asks for a stop. Ends in live_stopped(). */
int launch_stop(struct scheduler *s, const char *try_id);

/* Where the launcher listens; NULL: no memory. */
char *launch_socket_path(const struct scheduler *s);
/* What the launcher last said when it did not do as asked; "" when all is well. */
const char *launch_trouble(const struct scheduler *s);
