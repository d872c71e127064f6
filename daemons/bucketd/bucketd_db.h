/* bucketd_db.h: the index of buckets, objects and blobs. */
#pragma once

#include <errno.h>

#include "lib/base/macros.h"

struct bucketd;
struct errmsg;

/* Opens or makes index.db in `dir`: the writer and the readers of d. */
int bucketd_db_open(struct bucketd *d, const char *dir, bool no_sync, usec_t now_at,
                    struct errmsg *em);

/* A statement that ran and cannot conflict: 0 or -errno of what db_run() or db_step() said of it;
 * -EUCLEAN where it did. */
static inline int bucketd_db_ran(int r) {
        return r > 0 ? -EUCLEAN : r;
}
