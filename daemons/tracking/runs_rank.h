/* runs_rank.h: a page of a search worked out in memory, when no index finds its runs in order.
 *
 * The runs are read once from their own index and the values of each clause and key once from
 * theirs, and all meet by hashing; only the page itself is sorted. It needs a table scan's time
 * whatever page is asked for, and about 100 bytes a run while it lasts. For SQLite, which has no
 * join by hash.
 */
#pragma once

#include "daemons/tracking/runs_search.h"

enum {
        RUNS_RANK_MAX = 200000, /* runs */
        RUNS_RANK_NOT = 1,      /* these runs cannot be ranked here: ask the database */
};

/* Can all keys of the order be ranked? */
bool runs_rank_can(const struct runs_search *q);

/* The ids of at most `limit` runs behind the first `offset`, in order; strings in the arena. 0,
 * RUNS_RANK_NOT or -errno. */
int runs_rank_find(struct db *db, struct arena *a, const struct runs_search *q, int64_t limit,
                   int64_t offset, const char ***ret, size_t *ret_n);
