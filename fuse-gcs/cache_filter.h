/* cache_filter: which objects are kept on the disk: BUCKET/NAME against an expression that includes
 * and one that excludes (POSIX extended; gcsfuse's RE2 agrees on what people write). Threads: any.
 */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct cache_filter;

/* Empty: no such expression; *ret is NULL when both are. -EINVAL with em set. */
int cache_filter_new(const char *bucket, const char *include, const char *exclude,
                     struct cache_filter **ret, struct errmsg *em);
struct cache_filter *cache_filter_free(struct cache_filter *f);
/* NULL takes all. */
bool cache_filter_takes(const struct cache_filter *f, const char *name);
