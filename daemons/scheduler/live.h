/* live.h: the tries that have been handed out and have not ended: their way from the decision to
 * the recorded end.
 *
 *      asked for --launcher: 200--> running --end.json--> recorded, acknowledged, forgotten
 *      asked for --launcher: 4xx--> cancelled in the spool, failed
 *      shim gone without a word--> what it left behind is killed, then INTERRUPTED
 *
 * The truth is the spool; this only remembers what to look at. A try is looked at when its shim
 * reports, when its pidfd says it is gone, and every LIVE_LOOK_FOR as a net below.
 * Threads: the loop's. */
#pragma once

#include "daemons/scheduler/core/replay.h"

struct http_request;
struct live;
struct live_try;
struct scheduler;

#define LIVE_LOOK_FOR (5 * USEC_PER_SEC)

int live_new(struct scheduler *s, struct live **ret);
struct live *live_free(struct live *l);
/* Forgets all of them: the world is read anew. */
void live_clear(struct scheduler *s);

/* Effects of decisions: have the task's current try started; have a try stopped. */
void live_start(struct scheduler *s, struct world_task *task);
void live_stop(struct scheduler *s, const char *try_id);

/* A task's live try as the database has it: remembered from now on. other_boot: it was handed out
 * before the machine last started. NULL: no memory. */
struct live_try *live_adopt(struct scheduler *s, const struct world_task *task, bool other_boot);
/* NULL: not live. */
struct live_try *live_find(struct scheduler *s, const char *try_id);
/* Looks at its spool and does what follows. */
void live_look(struct live_try *t);
/* Its end is recorded. */
void live_forget(struct scheduler *s, const char *try_id);

/* A shim reports: the request is answered once its end is recorded. Returns as a handler. */
int live_report(struct scheduler *s, const char *try_id, struct http_request *req);

/* What the launcher answered. stopping false: nothing of the try runs any more. */
void live_launched(struct scheduler *s, const char *try_id);
void live_refused(struct scheduler *s, const char *try_id, const char *reason);
void live_stopped(struct scheduler *s, const char *try_id, bool stopping);

/* How many there are. */
size_t live_count(const struct scheduler *s);
