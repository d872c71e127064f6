/* tracked.h: the run in the tracking server that a try of a task has of its own: its id is the
 * try's without the dashes, so it is made once however often it is told. Threads: the loop's. */
#pragma once

#include "lib/base/clock.h"

struct json_write;
struct scheduler;
struct world_event;
struct world_task;

/* Has this task such a run? */
bool tracked_is_on(const struct scheduler *s, const struct world_task *task);

/* The task's try leaves the queue at `at`: what is to be told of it is written down, in the
 * transaction that is under way. 0 or -errno. */
int tracked_note(struct scheduler *s, struct world_task *task, usec_t at);

/* The task's try has ended well. When it says which table of BigQuery it made, a callback asks for
 * its size and age and makes that metrics of the run. In the transaction. 0 or -errno. */
int tracked_note_table(struct scheduler *s, const struct world_event *e);

/* For that callback: the arguments behind the program, and its environment, from its facts. */
void tracked_put_table_args(struct json_write *w, const char *facts, const char *table);
void tracked_put_table_env(struct scheduler *s, struct json_write *w, const char *facts);
