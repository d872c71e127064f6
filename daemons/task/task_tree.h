/* task_tree.h: every process of a task.
 *
 * The shim is a child subreaper, so that whatever the command starts, in whatever session, stays
 * below the shim until it ends. Reads /proc; keeps nothing. Threads: any. */
#pragma once

#include <sys/types.h>

enum { TASK_TREE_MAX = 4096 }; /* processes seen in one pass; more are found by the next */

/* From now on orphans below this process become its children. 0 or -errno. */
int task_tree_adopt(void);

/* Sends `sig` to every process below this one. Answers how many got it; -errno when /proc cannot
 * be read. Processes started meanwhile may be missed: SIGKILL is repeated until none is left. */
int task_tree_signal(int sig);

/* Kills every process whose environment says it is of try `try_id` and waits for it, in passes
 * until one finds none. For the try of a shim that was killed itself and could not do it. Answers
 * how many were killed; -EBUSY: some are there still after ten passes; -errno. */
int task_tree_sweep(const char *try_id);
