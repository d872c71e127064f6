/* flush: everything that is being written goes to the bucket. */
#pragma once

#include "fuse-gcs/mnt.h"

struct flush_result {
        size_t n_good, n_failed;
};
/* What somebody works on just now is waited for. After until_at (mnt_now()) nothing is waited for
 * or begun: it counts as failed, as does what a close was refused (closing.h). 0; -ENOMEM.
 * Blocking, under no lock. */
int flush_all(struct mnt *m, usec_t until_at, struct flush_result *ret);
