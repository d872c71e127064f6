/* live_end.h: the engine's jobs about a try: it has begun, it has ended. Threads: the loop's. */
#pragma once

#include "daemons/scheduler/core/replay.h"
#include "daemons/scheduler/spool_end.h"

struct http_request;
struct live_try;
struct scheduler;

/* Nobody waits for it: written with the next batch. */
void live_end_started(struct live_try *t, usec_t at);

/* Records the end, then acknowledges it in the spool, forgets the try and answers `req` (may be
 * NULL). `end` and `message` may be NULL and are copied. */
void live_end_submit(struct live_try *t, enum world_result result, const struct spool_end *end,
                     const char *message, struct http_request *req);

/* What replay_compare_one() says about a directory that no live try has: cancelled, acknowledged,
 * stopped or put aside. */
void live_end_orphan(struct scheduler *s, const struct replay_action *a);
