/* issues_page.h: where the next page of a search for issues begins: after so many of them, or,
 * where an order was asked for, after the sort keys of the last one that was seen. A token is of
 * one question alone: it carries the question's hash. Pure.
 */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/base/json.h"

struct issues_page_query {
        const char *experiment_id, *filter, *name, *view; /* NULL: not given */
        const char **statuses, **severities, **categories, **order_by;
        size_t n_statuses, n_severities, n_categories, n_order_by;
        bool with_traces, with_total;
};

struct issues_page {
        const char *hash; /* of the question */
        bool is_enhanced; /* asks for more than the first clients could */
        int64_t offset;
        const struct json *after; /* the keys, an array; NULL: none */
};

/* NULL and "" are the beginning. 0, REFUSED or -ENOMEM. */
int issues_page_parse(const struct issues_page_query *q, const char *token, struct refusal *r,
                      struct issues_page *ret);

/* From the arena; NULL when out of memory. `after` is the JSON of the keys. */
const char *issues_page_print(const struct issues_page *p, struct arena *a, int64_t offset);
const char *issues_page_print_after(const struct issues_page *p, struct arena *a,
                                    const char *after);
