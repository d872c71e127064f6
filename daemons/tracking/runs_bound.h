/* runs_bound.h: how far the order's first key is from its beginning where a page ends or begins, so
 * that a statement passes what is beyond by a comparison alone. What is found so is the page
 * itself, never a guess: a bound that proves too narrow is none. For SQLite.
 */
#pragma once

#include "daemons/tracking/runs_search.h"

enum { RUNS_BOUND_NOT = 1 }; /* there is none that is worth it */

struct runs_bound {
        struct filter_clause clause; /* of runs_search_plan */
        int64_t offset;              /* of the page, among those that are within it */
};

/* An order that begins with an attribute: no farther than this key are, nearly always, the first
 * `n_page` runs, and few more. Estimated from some of the n_all that there are at most. 0,
 * RUNS_BOUND_NOT or -errno. */
int runs_bound_end(struct db *db, struct arena *a, const struct runs_search *q, int64_t n_all,
                   int64_t n_page, struct runs_bound *ret);

/* An order that begins with a text, and no filter: the clause that only runs with the value fulfil
 * that is the first of all experiments, should no fewer than `n_min` have it, and not only others
 * than those that are searched. 0, RUNS_BOUND_NOT or
 * -errno. */
int runs_bound_first(struct db *db, struct arena *a, const struct runs_search *q, int64_t n_min,
                     struct filter_clause *ret);

/* An order that begins with a value, and no filter: the run behind the first `offset` of those that
 * have it is no nearer than this value. RUNS_BOUND_NOT: there is no such run, or who knows. 0,
 * RUNS_BOUND_NOT or -errno. */
int runs_bound_begin(struct db *db, struct arena *a, const struct runs_search *q, int64_t offset,
                     struct runs_bound *ret);
