/* up_lock: who runs `onebox up` on a state directory. An OFD lock on <state_dir>/up.lock lives and
 * dies with its process; the pid in the file is for messages and for `down`, and counts only while
 * the lock is held. */
#pragma once

#include <sys/types.h>

#include "lib/base/errmsg.h"
#include "lib/base/paths.h"

/* 0 with the lock held by *ret_fd; -EBUSY with em naming the holder; other -errno with em set. */
int up_lock_take(const struct paths *p, int *ret_fd, struct errmsg *em);
/* The holder's pid (> 0), 0 when nobody holds it, negative when it cannot be told. em may be
 * NULL. */
pid_t up_lock_holder(const struct paths *p, struct errmsg *em);
