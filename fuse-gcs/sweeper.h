/* sweeper: removes what a mount that died left behind: tails of appends after half an hour, what
 * was deleted while open and parts of files that were being written after a week. Once, some time
 * after the mount, on a thread of its own. */
#pragma once

#include "fuse-gcs/mnt.h"

void sweeper_start(struct mnt *m);
void sweeper_stop(struct mnt *m);
/* What it does then: by the time `now` (of the wall). */
void sweeper_sweep(struct mnt *m, usec_t now);
