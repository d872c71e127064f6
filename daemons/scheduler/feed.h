/* feed.h: tells listeners (server-sent events) what has changed, once it is committed.
 *
 * Each change has a number; the last FEED_KEEP stay in memory, so that a listener who names the
 * last number it saw misses none of them. Threads: the loop's. Limits: FEED_KEEP changes; a
 * listener that reads slower than that is told "gap" and reads the lists again. */
#pragma once

#include "daemons/scheduler/core/world.h"

struct feed;
struct http_request;
struct scheduler;

enum { FEED_KEEP = 512 };

int feed_new(struct scheduler *s, struct feed **ret);
struct feed *feed_free(struct feed *f);

/* Adds the state as it is now to the batch. */
int feed_add_task(struct scheduler *s, const struct world_task *t, usec_t at);
int feed_add_run(struct scheduler *s, const struct world_run *run, usec_t at);
int feed_add_dag(struct scheduler *s, const char *dag_id, bool is_paused, usec_t at);

/* The batch is committed: listeners hear it. */
void feed_publish(struct scheduler *s);
/* The batch is lost: nobody hears it. */
void feed_clear(struct scheduler *s);

/* Who listens: open pages and followers. */
unsigned feed_n_listeners(const struct scheduler *s);

/* GET /api/onebox/v1/events?after=N&dag_id=…: streams from then on. As a handler. */
int feed_listen(struct scheduler *s, struct http_request *req);
