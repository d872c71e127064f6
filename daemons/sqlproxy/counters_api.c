/* See counters_api.h. */
#include "daemons/sqlproxy/counters_api.h"

#include <string.h>

#include "lib/base/str.h"

enum kind { COUNTER, GAUGE };

struct family {
        const char *name, *help;
        enum kind kind;
        size_t offset; /* in instance_counters */
        bool always;   /* also when it is 0 */
};

static const struct family families[] = {
        {"bytes_received", "The number of bytes received from Cloud SQL", COUNTER,
         offsetof(struct instance_counters, n_received), false},
        {"bytes_sent", "The number of bytes sent to Cloud SQL", COUNTER,
         offsetof(struct instance_counters, n_sent), false},
        {"dial_failure_count", "The number of failed dial attempts", COUNTER,
         offsetof(struct instance_counters, n_dial_failures), false},
        {"open_connections", "The current number of open Cloud SQL connections", GAUGE,
         offsetof(struct instance_counters, n_open), true},
        {"refresh_failure_count", "The number of failed certificate refresh operations", COUNTER,
         offsetof(struct instance_counters, n_refresh_failures), false},
        {"refresh_success_count", "The number of successful certificate refresh operations",
         COUNTER, offsetof(struct instance_counters, n_refreshes), false},
};

/* What a name may not have becomes an underscore. */
static void add_prefix(struct buf *out, const char *ns) {
        if (!*ns)
                return;
        for (const char *p = ns; *p; p++)
                buf_add_char(out, (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                                                  (*p >= '0' && *p <= '9') || *p == ':'
                                          ? *p
                                          : '_');
        buf_add_char(out, '_');
}

static void add_label(struct buf *out, const char *name, const char *value) {
        buf_printf(out, "%s=\"", name);
        for (; *value; value++) {
                if (*value == '"' || *value == '\\')
                        buf_add_char(out, '\\');
                buf_add_char(out, *value == '\n' ? ' ' : *value);
        }
        buf_add_char(out, '"');
}

static void add_labels(struct buf *out, const char *dialer_id, const struct instance *i) {
        char name[CONN_NAME_TEXT_MAX];

        add_label(out, "cloudsql_dialer_id", dialer_id);
        buf_add_char(out, ',');
        add_label(out, "cloudsql_instance", conn_name_print(&i->cn, name));
}

static void add_head(struct buf *out, const char *ns, const char *name, const char *help,
                     const char *type) {
        buf_add_lit(out, "# HELP ");
        add_prefix(out, ns);
        buf_printf(out, "cloudsqlconn_%s %s\n# TYPE ", name, help);
        add_prefix(out, ns);
        buf_printf(out, "cloudsqlconn_%s %s\n", name, type);
}

static unsigned long long value_of(const struct instance *i, size_t offset) {
        return atomic_load((const atomic_ullong *) ((const char *) &i->counters + offset));
}

static void add_family(struct buf *out, const struct family *f, struct instance *const *instances,
                       size_t n, const char *ns, const char *dialer_id) {
        bool has_head = false;

        for (size_t k = 0; k < n; k++) {
                const struct instance *i = instances[k];
                unsigned long long v = value_of(i, f->offset);

                if (v == 0 && !(f->always && atomic_load(&i->counters.n_dials) > 0))
                        continue;
                if (!has_head)
                        add_head(out, ns, f->name, f->help, f->kind == GAUGE ? "gauge" : "counter");
                has_head = true;
                add_prefix(out, ns);
                buf_printf(out, "cloudsqlconn_%s{", f->name);
                add_labels(out, dialer_id, i);
                buf_printf(out, "} %llu\n", v);
        }
}

static void add_bucket(struct buf *out, const char *ns, const char *dialer_id,
                       const struct instance *i, const char *le, unsigned long long v) {
        add_prefix(out, ns);
        buf_add_lit(out, "cloudsqlconn_dial_latency_bucket{");
        add_labels(out, dialer_id, i);
        buf_printf(out, ",le=\"%s\"} %llu\n", le, v);
}

static void add_latency(struct buf *out, const struct instance *i, const char *ns,
                        const char *dialer_id) {
        unsigned long long sum = 0;
        char le[16];

        for (size_t b = 0; b < INSTANCE_LATENCY_BUCKETS; b++) {
                sum += atomic_load(&i->counters.latency[b]);
                snprintf(le, sizeof le, "%u", instance_latency_bounds[b]);
                add_bucket(out, ns, dialer_id, i, le, sum);
        }
        sum += atomic_load(&i->counters.latency[INSTANCE_LATENCY_BUCKETS]);
        add_bucket(out, ns, dialer_id, i, "+Inf", sum);
        add_prefix(out, ns);
        buf_add_lit(out, "cloudsqlconn_dial_latency_sum{");
        add_labels(out, dialer_id, i);
        buf_printf(out, "} %llu\n", (unsigned long long) atomic_load(&i->counters.latency_sum));
        add_prefix(out, ns);
        buf_add_lit(out, "cloudsqlconn_dial_latency_count{");
        add_labels(out, dialer_id, i);
        buf_printf(out, "} %llu\n", sum);
}

int counters_api_print(struct instance *const *instances, size_t n, const char *ns,
                       const char *dialer_id, struct buf *out) {
        bool has_head = false;

        for (size_t f = 0; f < ARRAY_SIZE(families); f++)
                add_family(out, families + f, instances, n, ns, dialer_id);
        for (size_t k = 0; k < n; k++) {
                if (atomic_load(&instances[k]->counters.n_dials) == 0)
                        continue;
                if (!has_head)
                        add_head(out, ns, "dial_latency",
                                 "The distribution of dialer latencies (ms)", "histogram");
                has_head = true;
                add_latency(out, instances[k], ns, dialer_id);
        }
        return buf_error(out);
}

int counters_api_get(struct http_request *req) {
        const struct proxy *p = req->ctx;
        struct buf out = {};
        int r = counters_api_print(p->instances, p->n_instances, p->flags.prometheus_namespace,
                                   p->dialer_id, &out);

        if (r < 0) {
                buf_done(&out);
                return r;
        }
        return http_request_reply_buf(req, 200, "text/plain; version=0.0.4; charset=utf-8", &out);
}
