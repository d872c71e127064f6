/* blobs_sql.h: which blobs there are and how many segments name each. */
#pragma once

#include "daemons/bucketd/segment.h"
#include "lib/db/db.h"

extern const struct db_set blobs_sql_set;

/* Blobs a job left without a reference, to be discarded after its commit. */
struct blobs_sql_gone {
        struct arena *arena;
        uint64_t *ids;
        size_t n, n_max;
};

/* data NULL: the content is in its file. */
int blobs_sql_insert(struct db *db, uint64_t id, int64_t refs, uint64_t size, const void *data);
/* One reference more for each segment. -EUCLEAN: a blob that is not there. */
int blobs_sql_hold(struct db *db, const struct segments *s);
/* One less; those with none are added to `gone`. */
int blobs_sql_release(struct db *db, const struct segments *s, struct blobs_sql_gone *gone);
/* 1 in a file, 0 not, -ENOENT no such blob. */
int blobs_sql_is_in_file(struct db *db, uint64_t id);
/* The content that stands in the database: [offset, offset + size) of it, copied to `to`. -EUCLEAN
 * when there is less. */
int blobs_sql_read(struct db *db, uint64_t id, uint64_t offset, size_t size, void *to);
/* Forgets blobs without references. */
int blobs_sql_delete(struct db *db, const uint64_t *ids, size_t n);
/* Up to 10,000 blobs without references. */
int blobs_sql_garbage(struct db *db, struct arena *a, uint64_t **ret_ids, size_t *ret_n);
int blobs_sql_last(struct db *db, uint64_t *ret_id);
