/* flush: everything that is being written goes to the bucket. */
#pragma once

#include "fuse-gcs/mnt.h"

struct flush_result {
        size_t n_good, n_failed;
};
/* only_free: what somebody works on just now is left alone, and counts as failed. Nothing is begun
 * after until_at (mnt_now()). 0; -ENOMEM. Blocking, under no lock. */
int flush_all(struct mnt *m, bool only_free, usec_t until_at, struct flush_result *ret);
