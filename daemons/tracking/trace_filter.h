/* trace_filter.h: the filter and order_by strings of searches for traces. Pure. */
#pragma once

#include "daemons/tracking/filter_parse.h"

enum trace_filter_entity {
        TRACE_FILTER_ATTRIBUTE,
        TRACE_FILTER_TAG,
        TRACE_FILTER_METADATA,
        TRACE_FILTER_SPAN,
        TRACE_FILTER_FEEDBACK,
        TRACE_FILTER_EXPECTATION,
        TRACE_FILTER_ISSUE,
};

struct trace_filter_clause {
        enum trace_filter_entity entity;
        const char *key;            /* aliases are resolved: timestamp is timestamp_ms */
        struct filter_clause value; /* op, kind and value */
};

struct trace_filter {
        struct trace_filter_clause *clauses;
        size_t n;
};

/* All clauses must hold. 0, REFUSED or -ENOMEM. */
int trace_filter_parse(const char *text, struct refusal *r, struct trace_filter *ret);

struct trace_filter_order {
        enum trace_filter_entity entity; /* attribute, tag or metadata */
        const char *key;
        bool descending;
};

int trace_filter_parse_order(const char *text, struct refusal *r, struct trace_filter_order *ret);
