/* task_xcom.h: what the command leaves for other tasks: files KEY (text) or KEY.json in the
 * directory `xcom` of its try, which $ONEBOX_XCOM_DIR names; and, where the spec asks for it, the
 * last line of its stdout as return_value. Threads: one. */
#pragma once

#include "daemons/task/task_log.h"
#include "lib/base/errmsg.h"

/* Makes the directory. -errno: the command can leave nothing. */
int task_xcom_begin(int dir_fd);

/* Makes durable what was left. last: the line to keep as return_value, unless the command wrote
 * that itself; NULL: none. 0 or -errno with *em. */
int task_xcom_end(int dir_fd, const struct task_log_line *last, struct errmsg *em);
