/* bucketd_db.h: the index of buckets, objects and blobs. */
#pragma once

#include "lib/base/macros.h"

struct bucketd;
struct errmsg;

/* Opens or makes index.db in `dir`: the writer and the readers of d. */
int bucketd_db_open(struct bucketd *d, const char *dir, bool no_sync, usec_t now_at,
                    struct errmsg *em);
