/* artifact_stores.h: which store an artifact's URI lies in when it is not this server's own behind
 * mlflow-artifacts: - a bucket that an experiment's location names, or the directory that the
 * operator made the root of locations; opened when first asked for and kept. Threads: any. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct artifact_stores;
struct store;

enum { ARTIFACT_STORES_MAX = 64 }; /* buckets kept open */

/* A directory, "gs://BUCKET/PATH" or "s3://BUCKET/PATH" as a store. -EPROTONOSUPPORT: another. */
int artifact_stores_open(const char *uri, struct errmsg *em, struct store **ret);
/* Is it a bucket's? */
bool artifact_stores_is_bucket(const char *uri);

/* root: the one directory below which local locations are served; a bucket's URI or NULL: none. */
int artifact_stores_new(const char *root, struct artifact_stores **ret);
struct artifact_stores *artifact_stores_free(struct artifact_stores *s); /* NULL is fine */
/* Its store (which stays) and the name in it ("" = the whole); queries are cut off.
 * -EPROTONOSUPPORT: neither a bucket's nor below the root; -EBUSY: ARTIFACT_STORES_MAX are open. */
int artifact_stores_find(struct artifact_stores *s, struct arena *a, const char *uri,
                         struct errmsg *em, struct store **ret_store, const char **ret_name);
