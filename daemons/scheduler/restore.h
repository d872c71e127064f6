/* restore.h: the world from the database: at the start, and when a batch was lost.
 *
 * A DAG or run that cannot be read is logged and left out; it never stops the start.
 * Threads: the loop's. */
#pragma once

#include "daemons/scheduler/core/world.h"

struct dag_runs_sql_row;
struct scheduler;
struct zone;

/* Builds s->world anew, then compares the spool with it (live_replay.h). */
int restore_world(struct scheduler *s, struct errmsg *em);

/* One run into the world, with its tasks, if it is not there yet: 0 and the run; -errno. */
int restore_run(struct scheduler *s, struct world_dag *wd, const struct dag_runs_sql_row *row,
                struct world_run **ret);

/* A time zone by name, kept as long as the world. -EINVAL with *em; -ENOMEM. */
int restore_zone(struct scheduler *s, const char *name, const struct zone **ret, struct errmsg *em);

/* Puts a version of a DAG into the world: parses `body`, finds its zone. -EINVAL with *em. */
int restore_put_dag(struct scheduler *s, const char *body, int64_t version, struct world_dag **ret,
                    struct errmsg *em);
