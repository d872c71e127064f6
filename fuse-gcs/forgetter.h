/* forgetter: bounds what the kernel has us remember. It keeps every name it looked up until it runs
 * short of memory itself; when there are too many, it is asked to drop those of files that nobody
 * has open, first those of which it has no pages. A thread of its own; FUSE workers only wake it.
 */
#pragma once

#include "fuse-gcs/mnt.h"

/* So many inodes a mnt may have, beside what is open or a directory. */
size_t forgetter_limit(const struct mnt *m);
void forgetter_start(struct mnt *top);
/* After the calls to the bucket were stopped: it may wait for a directory that somebody reads. */
void forgetter_stop(void);
/* Under `tree`: there is one more. */
void forgetter_look(const struct mnt *m);
