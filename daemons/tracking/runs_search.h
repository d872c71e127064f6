/* runs_search.h: the SQL of a search for runs. Pure: which plan is best is runs_find.c's to say.
 *
 * Rows come by the keys of order_by (what has no value comes last, NaN before it), then the newest
 * first, then by id.
 */
#pragma once

#include <sys/types.h>

#include "daemons/tracking/order_parse.h"
#include "daemons/tracking/search_sql.h"

enum { RUNS_SEARCH_ORDER_MAX = 16 }; /* keys of order_by */

enum runs_search_view { RUNS_SEARCH_ALL, RUNS_SEARCH_ACTIVE, RUNS_SEARCH_DELETED };

/* What is searched. */
struct runs_search {
        const int64_t *experiment_ids;
        size_t n_experiment_ids;
        enum runs_search_view view;
        struct filter filter;
        struct order_key order[RUNS_SEARCH_ORDER_MAX];
        size_t n_order;
};

/* Parts of the rows when the first key of the order is a metric, param or tag: those that have it
 * (a metric as a number) come first and can be read in its order from an index. All of another part
 * are alike by that key. */
enum runs_search_part {
        RUNS_SEARCH_WHOLE,
        RUNS_SEARCH_WITH_VALUE,
        RUNS_SEARCH_NAN, /* of a metric alone */
        RUNS_SEARCH_WITHOUT_VALUE,
};

struct runs_search_plan {
        enum runs_search_part part;
        ssize_t driver; /* index of the clause whose index is walked to find runs; -1: none */
        bool count;     /* SELECT count(*) in place of the rows */
        bool ids_only;  /* of each row its run_uuid: less is read of what is sorted or skipped */
        /* run_uuid, start_time and the attributes of the order, in no order, whatever clauses on
         * values say (runs_search_build_matches()) */
        bool keys_only;
        /* Which runs fulfil the clauses on values and datasets is known (runs_pick.h), they are not
         * asked again: onebox_pick() tells it, or a JSON array of the ids, which drives then. Of
         * no part that drives. SQLite's. */
        bool picks;
        const char *picked; /* the array; NULL: the function */
        bool scans;         /* runs' rows are read as they lie, by no index. SQLite's */
        /* What the order begins with is no farther than this (runs_bound.h); NULL: whatever it is.
         * Of RUNS_SEARCH_WHOLE in the order of an attribute, or RUNS_SEARCH_WITH_VALUE. */
        const struct filter_clause *bound;
};

/* Reads filter and order. 0, REFUSED or -ENOMEM. */
int runs_search_parse(struct runs_search *q, const char *filter, const char *const *order_by,
                      size_t n_order_by, struct refusal *r);

/* Columns are RUNS_SQL_COLUMNS unless the plan has others. The statement has no LIMIT yet
 * (search_sql_page()).
 */
void runs_search_build(const struct runs_search *q, const struct runs_search_plan *plan,
                       struct search_sql *sql);

/* Can the clause drive the search: is there an index from its key, and best its value, to runs? */
bool runs_search_can_drive(const struct filter_clause *c);
/* Is there an index in the order of this key? Those of texts are not on every engine. */
bool runs_search_can_walk(const struct order_key *k, bool has_text_indexes);
/* How many runs a driving clause, with others on its key, finds in all experiments, at most `max`:
 * SELECT count(*). */
void runs_search_build_probe(const struct runs_search *q, size_t driver, int64_t max,
                             struct search_sql *sql);
/* How many values of all experiments are the one that the order begins with, at most `max`: SELECT
 * count(*). Of an order that runs_search_can_walk(). */
void runs_search_build_ties(const struct runs_search *q, int64_t max, struct search_sql *sql);
/* The value that the order begins with, of all experiments: one row or none. */
void runs_search_build_first(const struct runs_search *q, struct search_sql *sql);
/* How many of `n` runs with the value, which begins the order, are of those that are searched:
 * SELECT count(*). SQLite's. */
void runs_search_build_alike(const struct runs_search *q, const struct filter_clause *value,
                             int64_t n, struct search_sql *sql);
/* Is the clause about a metric, param or tag (a run's name is one)? */
bool runs_search_is_on_value(const struct filter_clause *c);
/* Or about a dataset: are those that fulfil it told by other tables than runs alone? */
bool runs_search_is_on_set(const struct filter_clause *c);
/* Or does the run's own row tell it? */
bool runs_search_is_on_run(const struct filter_clause *c);
/* Is clause i asked together with one before it? */
bool runs_search_is_asked_before(const struct runs_search *q, size_t i);
/* The ids of all runs that fulfil the clause and those asked with it; of IS NULL those that do not.
 * SQLite's. */
void runs_search_build_matches(const struct runs_search *q, size_t i, struct search_sql *sql);
/* The ids of all runs that have nothing of the key of clause i, which is IS NULL: both are read in
 * the order of ids, and nothing else of them. SQLite's. */
void runs_search_build_lacks(const struct runs_search *q, size_t i, struct search_sql *sql);
/* The values of the order's key i, of all runs or of those whose ids are in a JSON array: run_uuid,
 * value and of a metric is_nan, in their order. SQLite's. */
void runs_search_build_values(const struct runs_search *q, size_t i, const char *ids,
                              struct search_sql *sql);
/* How many runs the experiments have in the view, at most `max`. */
void runs_search_build_size(const struct runs_search *q, int64_t max, struct search_sql *sql);

/* The ids of at most `max` runs of the experiments in the view, or of all others. */
void runs_search_build_scope(const struct runs_search *q, bool inside, int64_t max,
                             struct search_sql *sql);
/* What the order begins with, of `n` runs as by chance of all there are, when they are of those
 * that are searched and have it: in order. Of an attribute, with clauses on the run's own row
 * alone. SQLite's. */
void runs_search_build_sample(const struct runs_search *q, int64_t n, struct search_sql *sql);
/* Of the runs that onebox_pick() tells, by the value that the order begins with and then by id in
 * the same direction: the value and the id that `offset` are before. SQLite's. */
void runs_search_build_nth(const struct runs_search *q, int64_t offset, struct search_sql *sql);
/* How many of them are before that id with the value of the clause: SELECT count(*). */
void runs_search_build_before(const struct runs_search *q, const struct filter_clause *value,
                              const char *id, struct search_sql *sql);

/* Is the clause asked of the index that is walked in the order's way, so that no run is passed that
 * does not fulfil it? */
bool runs_search_is_on_walked(const struct runs_search *q, const struct filter_clause *c);
/* Does a clause let only runs through that have the value that the order begins with? */
bool runs_search_implies_value(const struct runs_search *q);
