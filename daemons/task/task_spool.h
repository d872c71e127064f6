/* task_spool.h: the try's directory tasks/TRY_ID, the shim's side of the spool protocol.
 *
 *      spec.json   read
 *      lock        held for the whole life; "SHIM_PID CHILD_PID\n"; its mtime is the heartbeat
 *      started     made once, before the command: whoever makes it decides over the start
 *      end.tmp     room for the end, taken before the start, so that a full disk cannot refuse it
 *      end.json    the end; whole or absent for every reader; on the disk, or in the scheduler's
 *                  database, before the shim ends
 *      acked       made by the scheduler when it has recorded the end
 *
 * `started` needs to survive the processes, not the power: after another boot the scheduler treats
 * every try it had handed out as interrupted, started or not. A power cut between rename and fsync
 * may leave an end.json that is empty or torn; it does not parse and counts as absent.
 * Threads: one. */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct task_spool {
        int dir_fd;
        int lock_fd;
        int end_fd; /* end.tmp, -1 once it has become end.json */
};

#define TASK_SPOOL_NONE \
        { .dir_fd = -1, .lock_fd = -1, .end_fd = -1 }

/* Opens the directory and takes the lock. -EBUSY: another shim has it; *em says what failed. */
int task_spool_init(struct task_spool *s, const char *dir, struct errmsg *em);
void task_spool_done(struct task_spool *s);

/* Takes room for end.json, then makes `started`. 0; -EEXIST: this try was started or cancelled
 * before; -ENOSPC and others: nothing was started, the try may be started again. */
int task_spool_start(struct task_spool *s, struct errmsg *em);

/* Writes the pids into the lock and so beats the heart. child 0: none yet. */
void task_spool_beat(struct task_spool *s, int child_pid);

/* end.json becomes `text`, for every process to see. -errno: it does not, try again. */
int task_spool_end(struct task_spool *s, const char *text, size_t len);

/* It is on the disk. -errno: it is not; task_spool_end() and this again. */
int task_spool_sync(struct task_spool *s);

/* Has the scheduler recorded the end? */
bool task_spool_is_acked(const struct task_spool *s);
