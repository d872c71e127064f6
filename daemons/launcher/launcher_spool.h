/* launcher_spool.h: what the launcher does with a try's directory in the spool.
 *
 * Paths come from a checked try id below the tasks directory; links are never followed. */
#pragma once

#include <sys/types.h>

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

/* The living onebox-task of a try: 1 with its pidfd (the caller's) and pid; 0 when there is none,
 * or no directory; -errno. */
int launcher_spool_find(const char *tasks_dir, const char *try_id, pid_t *ret_pid, int *ret_pidfd);

/* Gives the directory to the task's user; the scheduler keeps its way in by the group. Accepts only
 * a directory that is owned by the scheduler or by that user already. */
int launcher_spool_hand_over(const char *tasks_dir, const char *try_id, uid_t user, uid_t scheduler,
                             gid_t scheduler_group, struct errmsg *em);
