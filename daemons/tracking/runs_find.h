/* runs_find.h: runs a search with the plan that fits the data. */
#pragma once

#include "daemons/tracking/runs_search.h"
#include "daemons/tracking/runs_sql.h"
#include "daemons/tracking/runs_way.h"

/* Calls each() for at most `limit` runs behind the first `offset`, in order; a non-zero answer of
 * it ends the search and is returned. 0 or -errno. Strings are in the arena. */
int runs_find(struct db *db, struct arena *a, const struct runs_search *q, int64_t limit,
              int64_t offset, int (*each)(void *ctx, const struct run *run), void *ctx);

/* The same. An index's way is left for one that reads all runs once (runs_rank.h) when it has not
 * found the page after `try_for` of the thread's CPU time; 0: as reckoned. */
int runs_find_within(struct db *db, struct arena *a, const struct runs_search *q, int64_t limit,
                     int64_t offset, usec_t try_for, int (*each)(void *ctx, const struct run *run),
                     void *ctx);

/* The way that it would go. */
int runs_find_way(struct db *db, struct arena *a, const struct runs_search *q, int64_t limit,
                  int64_t offset, struct runs_way *ret);

/* How many runs the search finds in all: 0, -ETIME when that takes more than `within` of the
 * thread's CPU time, or -errno. */
int runs_find_count(struct db *db, struct arena *a, const struct runs_search *q, usec_t within,
                    int64_t *ret);
