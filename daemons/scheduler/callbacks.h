/* callbacks.h: commands, webhooks and mails that follow from ends, retries and missed deadlines.
 *
 * Each is a row from the transaction in which it happened, then a try of the spool of its own, run
 * by the launcher as the pipeline's user: it outlives every daemon, has a log, and is told once
 * unless its machine goes down while it runs. Nothing waits for it and its failure is only logged.
 * Threads: the loop's. At most CALLBACKS_LIVE_MAX at once. */
#pragma once

#include "daemons/scheduler/core/world_apply.h"
#include "lib/base/errmsg.h"

enum { CALLBACKS_LIVE_MAX = 16 };

struct callbacks;
struct scheduler;

int callbacks_new(struct scheduler *s, struct callbacks **ret);
struct callbacks *callbacks_free(struct callbacks *c);

/* Inside a job, after the event was applied: rows for what follows from it. message: how a try
 * ended, or NULL. */
int callbacks_note(struct scheduler *s, const struct world_event *e, const char *message);

/* A task's try has ended well whose destination_table BigQuery may know: a callback of the kind
 * CALLBACKS_TABLE asks for its size and age, `facts` being tracked.h's. In the transaction. */
#define CALLBACKS_TABLE "table"
int callbacks_add_table(struct scheduler *s, const struct world_event *e, const char *table,
                        const char *facts);
/* After a commit, and whenever one may begin. */
void callbacks_kick(struct scheduler *s);
/* At the start: those that had begun are found again. */
int callbacks_replay(struct scheduler *s, struct errmsg *em);

/* onebox itself: where it is installed, or beside the daemons of a build. */
const char *callbacks_program(const struct scheduler *s);

/* Is it the try of a callback? Then its spool is looked at, and what has ended is recorded. */
bool callbacks_look(struct scheduler *s, const char *try_id);
/* The launcher would not. false: it is no callback's. */
bool callbacks_refused(struct scheduler *s, const char *try_id, const char *reason);
