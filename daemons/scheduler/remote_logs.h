/* remote_logs.h: logs that leave this machine: [logging] remote_logging.
 *
 * A try whose end is recorded is queued for onebox-logship by STATE/logship/queue/TRY_ID, which
 * holds the log's name in the bucket, as Airflow names it. The spool keeps a log until `shipped` is
 * in its directory; what is not here any more is read back through logship.sock. Queueing is no
 * promise to anybody: at the start all that is acknowledged and not shipped is queued again.
 * Threads: any, but for _requeue(): the loop's. */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct scheduler;

enum { REMOTE_LOGS_NAME_MAX = 1024 };

/* "dag_id=D/run_id=R/task_id=T/attempt=2.log", with map_index=N/ before the last when there is one
 * (-1: none). -E2BIG. */
int remote_logs_name(const char *dag_id, const char *run_id, const char *task_id, int64_t map_index,
                     int64_t try_number, char ret[REMOTE_LOGS_NAME_MAX]);

/* The end of this try is recorded. Does nothing when logs stay here. */
void remote_logs_queue(struct scheduler *s, const char *try_id);
/* At the start: all that has been missed. */
void remote_logs_requeue(struct scheduler *s);

/* May the log go from here, as far as the bucket is concerned? */
bool remote_logs_is_safe(const struct scheduler *s, const char *try_id);

/* From `at` at most `limit` bytes of a log that is not here. 0; -ENOENT: it is not there either (em
 * says where it was looked for); -EAGAIN: not to be had now, em says why. Blocks. */
int remote_logs_read(struct scheduler *s, const char *name, uint64_t at, size_t limit,
                     struct buf *ret, struct errmsg *em);
