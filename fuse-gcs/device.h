/* device: the kernel's side of the session, on a descriptor of our own.
 *
 * fuse_session_unmount() closes the session's descriptor at once, while requests are being worked
 * on: their answers would go nowhere (or into whatever has that number by then), and who waits for
 * them would wait for ever. What is read and written here goes through a duplicate that stays until
 * device_done(). One a process, as the session is. */
#pragma once

#include "lib/base/macros.h"

struct fuse_session;

/* After fuse_session_mount(), before anybody reads. 0 or negative. */
int device_init(struct fuse_session *s);
/* When nobody reads or answers any more; again is fine. The kernel then gives up what is open. */
void device_done(void);
