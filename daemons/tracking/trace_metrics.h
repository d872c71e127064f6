/* trace_metrics.h: what a question about many traces asks, as SQL. Pure.
 *
 * One statement for every engine: the groups' values in their order; they are added up, and cut
 * into percentiles, where they are read (trace_metrics_api.c).
 */
#pragma once

#include "daemons/tracking/refusal.h"
#include "daemons/tracking/search_sql.h"

enum trace_metrics_view {
        TRACE_METRICS_VIEW_NONE,
        TRACE_METRICS_TRACES,
        TRACE_METRICS_SPANS,
        TRACE_METRICS_ASSESSMENTS,
};

/* Bits, in the order of their enumeration in a question, where 0 is none. */
enum trace_metrics_how {
        TRACE_METRICS_COUNT = 1 << 1,
        TRACE_METRICS_SUM = 1 << 2,
        TRACE_METRICS_AVG = 1 << 3,
        TRACE_METRICS_PERCENTILE = 1 << 4,
        TRACE_METRICS_MIN = 1 << 5,
        TRACE_METRICS_MAX = 1 << 6,
};

enum { TRACE_METRICS_DIMENSIONS_MAX = 8 };

struct trace_metrics {
        enum trace_metrics_view view;
        const char *metric;
        unsigned how; /* trace_metrics_how of all aggregations */
        const char **dimensions;
        size_t n_dimensions;
        const char **filters; /* each one comparison */
        size_t n_filters;
        const int64_t *experiment_ids;
        size_t n_experiment_ids;
        int64_t interval_s;        /* 0: not by time */
        int64_t from_ms, until_ms; /* both inclusive; INT64_MIN and INT64_MAX: open */
};

/* Are there such a metric, such ways to add it up, such dimensions? 0, REFUSED or -ENOMEM. */
int trace_metrics_check(const struct trace_metrics *m, struct refusal *r);
/* Columns: the time's begin (with interval_s; of spans in nanoseconds), the dimensions, the value.
 * Rows come ordered. 0, REFUSED or -ENOMEM. */
int trace_metrics_build(const struct trace_metrics *m, struct refusal *r, struct search_sql *sql);
/* Are the values numbers? Else only their number counts. */
bool trace_metrics_has_values(const struct trace_metrics *m);
/* Is a value in nanoseconds, told in milliseconds? */
bool trace_metrics_is_time(const struct trace_metrics *m);
