/* registry_search.h: the SQL of searches for registered models and for their versions. Pure.
 *
 * Prompts live in the same tables, marked by a tag; they are found only when they are asked for.
 */
#pragma once

#include "daemons/tracking/search_sql.h"

struct registry_search {
        const char *filter;
        const char **order_by;
        size_t n_order_by;
        int64_t limit, offset;
        bool with_total; /* the answer says how many there are; ours, not MLflow's */
        bool count;      /* the statement is that: COUNT(*) of all pages */
};

/* Columns are REGISTERED_MODELS_SQL_COLUMNS. 0, REFUSED or -ENOMEM. */
int registry_search_models(const struct registry_search *q, struct refusal *r,
                           struct search_sql *sql);
/* Columns are MODEL_VERSIONS_SQL_COLUMNS. */
int registry_search_versions(const struct registry_search *q, struct refusal *r,
                             struct search_sql *sql);
