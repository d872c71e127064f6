/* artifact_stores.h: which store an artifact's URI lies in: this server's own behind
 * mlflow-artifacts:, or a bucket that an experiment's location names, opened when first asked for
 * and kept. Threads: any. */
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

int artifact_stores_new(struct artifact_stores **ret);
struct artifact_stores *artifact_stores_free(struct artifact_stores *s); /* NULL is fine */
/* The bucket's store (which stays) and the name in it ("" = the whole); queries are cut off.
 * -EPROTONOSUPPORT: not a bucket's; -EBUSY: ARTIFACT_STORES_MAX are open. */
int artifact_stores_find(struct artifact_stores *s, struct arena *a, const char *uri,
                         struct errmsg *em, struct store **ret_store, const char **ret_name);
