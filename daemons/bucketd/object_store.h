/* object_store.h: the changes of objects, inside a transaction of the writer's thread. */
#pragma once

#include "daemons/bucketd/blobs_sql.h"
#include "daemons/bucketd/buckets_sql.h"
#include "daemons/bucketd/condition.h"
#include "daemons/bucketd/object.h"

struct bucketd;

/* What every change needs. */
struct object_store {
        struct bucketd *d;
        struct db *db;
        struct arena *arena;
        const struct bucket *bucket;
        struct blobs_sql_gone *gone;
        struct refused *no;
};

/* The object as it is (c->generation: or that version of it), if its conditions hold. 0, REFUSED
 * (404, 412, 304 where `reads`), -errno. */
int object_store_need(const struct object_store *s, const char *name, const struct condition *c,
                      bool reads, struct object *ret);
/* A new generation: o's segments are counted already, the rest is set here. */
int object_store_put(const struct object_store *s, struct object *o, const struct condition *c);
/* The same with segments others hold as well. */
int object_store_share(const struct object_store *s, struct object *o, const struct condition *c);
/* With c->generation for good; else a bucket with versioning keeps it as a version. */
int object_store_delete(const struct object_store *s, const char *name, const struct condition *c);
/* A new metageneration of o, as it was read. */
int object_store_set_attributes(const struct object_store *s, struct object *o);
