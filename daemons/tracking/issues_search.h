/* issues_search.h: a search for issues as SQL. */
#pragma once

#include "daemons/tracking/issues_page.h"
#include "daemons/tracking/search_sql.h"

struct issues_search {
        const struct issues_page_query *query;
        const struct issues_page *page;
        int64_t limit, experiment_id;
        const struct issues_search_clause *clauses; /* of the filter */
        size_t n_clauses;
        struct issues_search_key *keys; /* of order_by; the issue's id comes last of all */
        size_t n_keys;
};

/* Reads the filter and the order, and holds the page's keys against it. 0, REFUSED or -ENOMEM. */
int issues_search_read(const struct issues_page_query *q, const struct issues_page *p,
                       struct refusal *r, struct issues_search *ret);

/* How many there are on all pages together. 0, REFUSED or -ENOMEM. */
int issues_search_count(const struct issues_search *s, struct refusal *r, struct search_sql *sql);

/* Columns: those of issues_sql_read(), how many traces have the issue (0 where that was not asked
 * for), and where an order was asked for its keys and the id. 0, REFUSED or -ENOMEM. */
int issues_search_build(const struct issues_search *s, struct refusal *r, struct search_sql *sql);

/* Is the key a text? The id behind the last one is. */
bool issues_search_is_text(const struct issues_search *s, size_t key);
