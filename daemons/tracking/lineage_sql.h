/* lineage_sql.h: which generations of objects a try read and wrote: kept until the try has ended,
 * for the runs it still makes; tied to its runs as their data sets. */
#pragma once

#include "lib/base/arena.h"
#include "lib/db/db.h"

struct entropy;

extern const struct db_set lineage_sql_set;

#define LINEAGE_SQL_OBJECTS_MAX 4000 /* of one try */

struct lineage_object {
        const char *bucket, *name, *generation;
        bool written;
};

/* Kept for the try's later runs; what is beyond the limit is not. 0 or -errno. */
int lineage_sql_keep(struct db *db, struct entropy *e, const char *try_id,
                     const struct lineage_object *objects, size_t n, int64_t now_ms);
/* Ties them to all runs of the try; cut: there were more. *ret_n: how many runs there are. */
int lineage_sql_attach(struct db *db, struct entropy *e, struct arena *a, const char *try_id,
                       const struct lineage_object *objects, size_t n, bool cut, size_t *ret_n);
/* The try is over: what was kept goes to its runs, and is forgotten. */
int lineage_sql_settle(struct db *db, struct entropy *e, struct arena *a, const char *try_id,
                       int64_t now_ms);
