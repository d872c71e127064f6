/* task_report.h: tells the scheduler that the end is in the spool, until it has recorded it.
 *
 * POST /internal/tries/TRY_ID on scheduler.sock, without a body: the scheduler reads end.json.
 * Repeated with a growing pause (10 ms … 5 s) until it says 200 or has made `acked`; the scheduler
 * may be away for days. Threads: one. */
#pragma once

#include "daemons/task/task_spool.h"

/* Asks once, for a second at most: true when it is recorded, which is on the disk by then. */
bool task_report_now(const struct task_spool *spool, const char *socket_path, const char *try_id);

/* Comes back when it is recorded, or when SIGTERM comes: the end is on the disk and will be found.
 */
void task_report(const struct task_spool *spool, const char *socket_path, const char *try_id,
                 int signal_fd);
