/* mask_tell.h: tells the onebox-task of a try which texts its log must not show, before the task
 * gets them: a datagram to mask.sock in the try's directory, never a file. Threads: any. */
#pragma once

#include "daemons/scheduler/connection.h"

/* What of a connection or a variable is secret, as text with a NUL after each. -ENOMEM. */
int mask_tell_connection(const struct connection *c, struct arena *a, struct buf *out);
int mask_tell_variable(const char *name, const char *value, struct arena *a, struct buf *out);

/* 0: it knows, or no longer runs. -EAGAIN: it has not read what it was told before; other -errno.
 */
int mask_tell_try(const char *tasks_dir, const char *try_id, const struct buf *values);
