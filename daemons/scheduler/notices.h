/* notices.h: tells tracking that tries have ended, so that it can close the runs they left open.
 *
 * POST /internal/tries/TRY_ID/ended on tracking.sock {"status": "FINISHED" | "FAILED" | "KILLED",
 * "state", "dag_id", "run_id", "task_id", "try_number"}, state being "success" or another result of
 * core/world_apply.h. The queue is the
 * database (tries.told): nothing is lost by a restart of either side. At most NOTICES_MAX are under
 * way; when tracking is away the pause grows to a minute. Threads: the loop's. */
#pragma once

enum { NOTICES_MAX = 32 };

struct notices;
struct scheduler;

int notices_new(struct scheduler *s, struct notices **ret);
struct notices *notices_free(struct notices *n);

/* There may be something to tell. */
void notices_kick(struct scheduler *s);
