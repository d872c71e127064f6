/* logged_models_search.h: the SQL of a search for logged models. Pure. */
#pragma once

#include "daemons/tracking/search_sql.h"

/* Metrics count only when they were logged on one of these. */
struct logged_models_search_dataset {
        const char *name;
        const char *digest; /* NULL: any */
};

struct logged_models_search_order {
        const char *field; /* an attribute or "metrics.<key>" */
        bool descending;
        struct logged_models_search_dataset dataset; /* name NULL: any */
};

struct logged_models_search {
        const int64_t *experiment_ids;
        size_t n_experiment_ids;
        const char *filter;
        const struct logged_models_search_dataset *datasets;
        size_t n_datasets;
        const struct logged_models_search_order *order;
        size_t n_order;
        int64_t limit, offset;
};

/* Columns are LOGGED_MODELS_SQL_COLUMNS. 0, REFUSED or -errno. */
int logged_models_search_build(const struct logged_models_search *q, struct refusal *r,
                               struct search_sql *sql);
