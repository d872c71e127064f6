#pragma once
/* Counters per route. Loop's thread. */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/macros.h"
#include "lib/net/http_route.h"

#define HTTP_METRICS_BUCKETS 8

struct http_metrics_row {
        uint64_t n_by_class[6]; /* [2] = 2xx … [5] = 5xx */
        uint64_t n_by_bucket[HTTP_METRICS_BUCKETS + 1];
        uint64_t sum_us;
};

struct http_metrics {
        const struct http_route *rows;
        size_t n_rows;
        struct http_metrics_row *counts; /* one a row, and one behind for requests without a row */
};

int http_metrics_init(struct http_metrics *m, const struct http_route *rows, size_t n_rows);
void http_metrics_done(struct http_metrics *m);
void http_metrics_count(struct http_metrics *m, const struct http_route *row, int status,
                        usec_t took_for);
/* Prometheus text; rows never called are left out. */
int http_metrics_print(const struct http_metrics *m, struct buf *out);
