/* teller: tells the kernel what it should forget, from a thread of its own: inside an operation the
 * kernel may hold what telling it needs. */
#pragma once

#include "fuse-gcs/mnt.h"

/* The inode's pages are of another content. Any thread, under no lock; without a session: nothing.
 */
void teller_content(struct mnt *m, const struct inode *i);
int teller_start(struct mnt *m, struct fuse_session *s);
/* No telling any more. */
void teller_stop(struct mnt *m);
