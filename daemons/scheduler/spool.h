/* spool.h: the scheduler's side of the spool: STATE/tasks/TRY_ID (see the man page onebox-task(8)).
 *
 * spec.json is written before each start, and need not survive the power: `started` does not
 * either, and a try that was handed out in another boot counts as begun. Directories may belong to
 * the task's user: nothing here follows a link or trusts a file's form. Threads: any. */
#pragma once

#include "daemons/scheduler/core/replay.h"
#include "daemons/scheduler/spool_end.h"

struct arena;

/* Makes the directory and writes spec.json. */
int spool_prepare(const char *tasks_dir, const char *try_id, const char *spec, size_t len);

/* What stands in a try's directory. `fact`'s ids are read from spec.json into `a` unless dag_id is
 * set already; *ret_end is filled when fact->has_end. 0; 1: there is no such directory; -errno. */
int spool_look(const char *tasks_dir, const char *try_id, struct arena *a, struct replay_fact *fact,
               struct spool_end *ret_end);

/* Is the end of a try recorded, as far as its directory knows? */
bool spool_is_acked(const char *tasks_dir, const char *try_id);

/* The living shim's pidfd: 1 with it (the caller's), 0 when there is none, -errno. */
int spool_pidfd(const char *tasks_dir, const char *try_id, int *ret_pidfd);

/* Takes the start away from the shim: 0: it can never start now; -EEXIST: it has started;
 * -ENOENT: no directory, which nobody can start. */
int spool_cancel(const char *tasks_dir, const char *try_id);

/* Says that the end is recorded. */
int spool_acknowledge(const char *tasks_dir, const char *try_id);

/* Moves a directory that nobody knows to STATE/tasks/lost+found. */
int spool_lose(const char *tasks_dir, const char *try_id);

/* Removes a try's directory with all in it. */
int spool_remove(const char *tasks_dir, const char *try_id);

/* Calls `each` for every try in the spool until it answers non-zero. -ENOENT: no spool. */
int spool_each(const char *tasks_dir, int (*each)(void *ctx, const char *try_id), void *ctx);

/* Opens the log for reading: fd, -ENOENT, or -errno. */
int spool_open_log(const char *tasks_dir, const char *try_id);
