/* settle: before the mount's end, what it has begun comes to its own: changes are in the bucket,
 * what was deleted is gone. */
#pragma once

#include "fuse-gcs/mnt.h"

/* Nothing is waited for after until_at (mnt_now()); what is lost then is said in the log. Nobody
 * opens, reads or writes files any more. Blocking, under no lock. */
void settle(struct mnt *m, usec_t until_at);
