/* evaluation_datasets_search.h: the statement of a search for evaluation datasets. Pure. */
#pragma once

#include "daemons/tracking/search_sql.h"

struct evaluation_datasets_search {
        const char *const *experiments; /* ids as text; none: of all */
        size_t n_experiments;
        const char *filter; /* NULL: none */
        const char *const *order_by;
        size_t n_order_by;
        int64_t limit, offset;
};

/* Rows of EVALUATION_DATASETS_SQL_COLUMNS. 0, REFUSED or -errno. */
int evaluation_datasets_search_build(const struct evaluation_datasets_search *q, struct refusal *r,
                                     struct search_sql *sql);
