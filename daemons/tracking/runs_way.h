/* runs_way.h: which way a search for runs takes. Pure: it reckons from what is counted for it and
 * knows neither database nor clock; runs_find.c counts and goes the way.
 *
 * Counting costs time itself: nothing is counted that cannot change the way any more.
 */
#pragma once

#include "daemons/tracking/runs_search.h"

/* How the runs of the page are found. */
enum runs_way_kind {
        RUNS_WAY_LISTED, /* from the runs themselves, by their index or sorted */
        RUNS_WAY_DRIVEN, /* those that one clause finds */
        RUNS_WAY_WALKED, /* in the order of the values that come first in the order */
};

/* What the clauses ask is worked out in memory first (runs_pick.h), or all runs are read once and
 * ranked there (runs_rank.h), instead of that: */
enum runs_way_memory {
        RUNS_WAY_NO_MEMORY,
        RUNS_WAY_PICKED,
        RUNS_WAY_RANKED,
};

struct runs_way {
        enum runs_way_kind kind;
        ssize_t driver;  /* the clause of a driven search, else -1 */
        bool scans;      /* listed, all rows of the table as they lie */
        bool is_bounded; /* listed, and worth a bound (runs_bound.h): all are to be passed */
        int64_t n_all;   /* of a bounded one: no fewer than all runs there are */
        enum runs_way_memory memory;
        usec_t try_for; /* only when the way has not found the page after so much time of the
                           thread; 0: the way is not tried */
};

/* Each gives *ret and 0, or -errno. What is counted is counted up to `max`. */
struct runs_way_counts {
        /* Runs that the clause finds in all experiments, with the others that are asked with it. */
        int (*clause)(void *ctx, size_t i, int64_t max, int64_t *ret);
        /* Values that are the one that the order begins with. */
        int (*ties)(void *ctx, int64_t max, int64_t *ret);
        /* Runs of the experiments. */
        int (*runs)(void *ctx, int64_t max, int64_t *ret);
        /* No fewer than all runs there are, told without counting; SQLite's alone. */
        int (*at_most)(void *ctx, int64_t *ret);
        void *ctx;
};

/* The way to a page that ends behind n_page rows. 0, or -errno of a count. */
int runs_way_pick(const struct runs_search *q, bool is_sqlite, int64_t n_page,
                  const struct runs_way_counts *counts, struct runs_way *ret);
