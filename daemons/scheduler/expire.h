/* expire.h: history that is old enough goes: runs, their tasks, tries and XComs, and the event log.
 *
 * [scheduler] keep_runs says when; the latest run of each DAG stays whatever its age, and so does
 * what the world still needs (runs whose successors look back at them). EXPIRE_MAX runs a batch,
 * one batch a second until nothing is left, then every tidy_every. Threads: the loop's. */
#pragma once

struct expire;
struct scheduler;

enum { EXPIRE_MAX = 200 };

int expire_new(struct scheduler *s, struct expire **ret);
struct expire *expire_free(struct expire *x);
