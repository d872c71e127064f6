/* experiments_search.h: the SQL of a search for experiments. Pure. */
#pragma once

#include "daemons/tracking/search_sql.h"

enum experiments_search_view {
        EXPERIMENTS_SEARCH_ALL,
        EXPERIMENTS_SEARCH_ACTIVE,
        EXPERIMENTS_SEARCH_DELETED
};

struct experiments_search {
        const char *filter;
        const char **order_by; /* none: the newest first */
        size_t n_order_by;
        enum experiments_search_view view;
        int64_t limit, offset;
        bool with_total; /* the answer says how many there are; ours, not MLflow's */
        bool count;      /* the statement is that: COUNT(*) of all pages */
};

/* Columns are EXPERIMENTS_SQL_COLUMNS. 0, REFUSED or -errno. */
int experiments_search_build(const struct experiments_search *q, struct refusal *r,
                             struct search_sql *sql);
