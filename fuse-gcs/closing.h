/* closing: what is written goes to the bucket at a close; what does not get there then is not
 * brought there later on behind the back of who was told so. All: under no lock. */
#pragma once

#include "fuse-gcs/mnt.h"

struct inode;

/* At each close of a descriptor: 0; negative: it is not there, and is not tried again for him who
 * hears that. Who has the file open to write, too, decides at his own close. */
int closing_flush(struct mnt *m, struct inode *i);
/* The last of a handle that may write. Negative: what was written is lost. */
int closing_last(struct mnt *m, struct inode *i);
/* A file that was just made and that nobody has open: it is there now or not at all. */
int closing_made(struct mnt *m, struct inode *i);
