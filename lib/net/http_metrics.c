/* What every route did, for /metrics. */
#include "lib/net/http_metrics.h"

#include <errno.h>
#include <inttypes.h>

#include "lib/base/mem.h"

static const unsigned http_metrics_bounds_us[HTTP_METRICS_BUCKETS] = {
        100, 500, 1000, 5000, 25000, 100000, 1000000, 10000000};
static const char *const http_metrics_bound_names[HTTP_METRICS_BUCKETS] = {
        "0.0001", "0.0005", "0.001", "0.005", "0.025", "0.1", "1", "10"};

int http_metrics_init(struct http_metrics *m, const struct http_route *rows, size_t n_rows) {
        *m = (struct http_metrics){.rows = rows, .n_rows = n_rows};
        m->counts = mem_zalloc_array(n_rows + 1, sizeof *m->counts);
        return m->counts ? 0 : -ENOMEM;
}

void http_metrics_done(struct http_metrics *m) {
        m->counts = mem_free(m->counts);
}

void http_metrics_count(struct http_metrics *m, const struct http_route *row, int status,
                        usec_t took_for) {
        struct http_metrics_row *c = &m->counts[row ? (size_t) (row - m->rows) : m->n_rows];
        size_t bucket = 0;

        while (bucket < HTTP_METRICS_BUCKETS && took_for > http_metrics_bounds_us[bucket])
                bucket++;
        c->n_by_class[status >= 100 && status < 600 ? status / 100 : 5]++;
        c->n_by_bucket[bucket]++;
        c->sum_us += took_for;
}

static void http_metrics_label(const struct http_metrics *m, size_t i, struct buf *out) {
        if (i < m->n_rows)
                buf_printf(out, "method=\"%s\",path=\"%s\"",
                           m->rows[i].method == HTTP_ANY
                                   ? "*"
                                   : http_route_method_print(m->rows[i].method),
                           m->rows[i].path);
        else
                buf_add_str(out, "method=\"\",path=\"\"");
}

static uint64_t http_metrics_total(const struct http_metrics_row *c) {
        uint64_t n = 0;

        for (size_t k = 0; k < ARRAY_SIZE(c->n_by_class); k++)
                n += c->n_by_class[k];
        return n;
}

static void http_metrics_print_classes(const struct http_metrics *m, struct buf *out) {
        buf_add_str(out, "# TYPE onebox_http_requests_total counter\n");
        for (size_t i = 0; i <= m->n_rows; i++)
                for (size_t k = 1; k < ARRAY_SIZE(m->counts[i].n_by_class); k++) {
                        if (m->counts[i].n_by_class[k] == 0)
                                continue;
                        buf_add_str(out, "onebox_http_requests_total{");
                        http_metrics_label(m, i, out);
                        buf_printf(out, ",code=\"%zuxx\"} %" PRIu64 "\n", k,
                                   m->counts[i].n_by_class[k]);
                }
}

static void http_metrics_print_latency(const struct http_metrics *m, size_t i, struct buf *out) {
        static const char name[] = "onebox_http_request_seconds";
        const struct http_metrics_row *c = &m->counts[i];
        uint64_t n = 0;

        for (size_t k = 0; k <= HTTP_METRICS_BUCKETS; k++) {
                n += c->n_by_bucket[k];
                buf_printf(out, "%s_bucket{", name);
                http_metrics_label(m, i, out);
                buf_printf(out, ",le=\"%s\"} %" PRIu64 "\n",
                           k < HTTP_METRICS_BUCKETS ? http_metrics_bound_names[k] : "+Inf", n);
        }
        buf_printf(out, "%s_sum{", name);
        http_metrics_label(m, i, out);
        buf_printf(out, "} %" PRIu64 ".%06" PRIu64 "\n", c->sum_us / 1000000, c->sum_us % 1000000);
        buf_printf(out, "%s_count{", name);
        http_metrics_label(m, i, out);
        buf_printf(out, "} %" PRIu64 "\n", n);
}

int http_metrics_print(const struct http_metrics *m, struct buf *out) {
        http_metrics_print_classes(m, out);
        buf_add_str(out, "# TYPE onebox_http_request_seconds histogram\n");
        for (size_t i = 0; i <= m->n_rows; i++)
                if (http_metrics_total(&m->counts[i]) > 0)
                        http_metrics_print_latency(m, i, out);
        return buf_error(out);
}
