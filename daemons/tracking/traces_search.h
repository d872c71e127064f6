/* traces_search.h: the SQL of a search for traces, and traces by a list of ids.
 *
 * Rows come by the keys of order_by (what has no value comes last), then the newest first, then by
 * id.
 */
#pragma once

#include "daemons/tracking/search_sql.h"
#include "daemons/tracking/trace_filter.h"
#include "daemons/tracking/traces_sql.h"

enum { TRACES_SEARCH_ORDER_MAX = 16 };

struct traces_search {
        const int64_t *experiment_ids;
        size_t n_experiment_ids;
        struct trace_filter filter;
        struct trace_filter_order order[TRACES_SEARCH_ORDER_MAX];
        size_t n_order;
};

/* Reads filter and order. 0, REFUSED or -ENOMEM. */
int traces_search_parse(struct traces_search *q, const char *filter, const char *const *order_by,
                        size_t n_order_by, struct refusal *r);
/* SELECT TRACES_SQL_COLUMNS … ORDER BY …, without a LIMIT. */
void traces_search_build(const struct traces_search *q, struct search_sql *sql);
/* " FROM trace_info WHERE …" alone: for counting. */
void traces_search_build_where(const struct traces_search *q, struct search_sql *sql);

/* Those of the traces that are there and that may be read (refusal's access), in the order of
 * `ids`. 0 or -errno. */
int traces_search_by_ids(struct db *db, struct refusal *ref, const char *const *ids, size_t n_ids,
                         struct trace **ret, size_t *ret_n);
