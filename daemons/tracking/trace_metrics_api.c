#include "daemons/tracking/trace_metrics_api.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/trace_metrics.h"
#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/net/http_request.h"

enum {
        RESULTS = 1000,
        AGGREGATIONS_MAX = 64,
        EXPERIMENTS_MAX = 10000,
        KEY_SIZE = 40,
        NS_PER_MS = 1000000,
};
#define INTERVAL_MAX INT64_C(3200000000) /* a century in seconds */

struct aggregation {
        enum trace_metrics_how how;
        char key[KEY_SIZE]; /* AVG, P99.9 */
        double percent;
};

struct in {
        struct trace_metrics metrics;
        struct aggregation *list;
        size_t n;
        int64_t max_results;
        bool has_percentiles;
};

/* Values that have the time and the dimensions in common. */
struct group {
        int64_t from;
        const char *dimensions[TRACE_METRICS_DIMENSIONS_MAX];
        int64_t n;
        double sum, min, max;
        struct buf values; /* of double, rising; with percentiles only */
};

struct groups {
        struct buf list; /* of struct group */
        size_t n;
};

static void groups_done(struct groups *g) {
        for (size_t i = 0; i < g->n; i++)
                buf_done(&((struct group *) (void *) g->list.data)[i].values);
        buf_done(&g->list);
}

static bool is_of(const struct group *g, const struct trace_metrics *m, struct db_stmt *s) {
        int at = m->interval_s ? 1 : 0;

        if (m->interval_s && db_col_i64(s, 0) != g->from)
                return false;
        for (size_t i = 0; i < m->n_dimensions; i++)
                if (!str_eq(g->dimensions[i], db_col_text(s, at + (int) i)))
                        return false;
        return true;
}

/* NULL with *ret_r 0: there are enough groups. Where an engine's order takes no notice of letter
 * case two groups may take turns. */
static struct group *find(struct groups *g, struct job *j, struct db_stmt *s, int *ret_r) {
        const struct in *in = j->in;
        const struct trace_metrics *m = &in->metrics;
        struct group *list = (struct group *) (void *) g->list.data, x = {};
        bool oom = false;

        *ret_r = 0;
        for (size_t i = g->n; i > 0; i--)
                if (is_of(&list[i - 1], m, s))
                        return &list[i - 1];
        if ((int64_t) g->n >= in->max_results)
                return NULL;
        if (m->interval_s)
                x.from = db_col_i64(s, 0);
        for (size_t i = 0; i < m->n_dimensions; i++)
                x.dimensions[i] = db_col_dup(s, (m->interval_s ? 1 : 0) + (int) i, j->arena, &oom);
        if (oom || buf_add(&g->list, &x, sizeof(x)) < 0) {
                *ret_r = -ENOMEM;
                return NULL;
        }
        return &((struct group *) (void *) g->list.data)[g->n++];
}

static int take(struct group *g, const struct in *in, struct db_stmt *s) {
        int at = (in->metrics.interval_s ? 1 : 0) + (int) in->metrics.n_dimensions;
        double v = 0;

        if (trace_metrics_is_time(&in->metrics))
                v = (double) (db_col_i64(s, at) / NS_PER_MS);
        else if (trace_metrics_has_values(&in->metrics))
                v = db_col_f64(s, at);
        g->min = g->n == 0 ? v : fmin(g->min, v);
        g->max = g->n == 0 ? v : fmax(g->max, v);
        g->sum += v;
        g->n++;
        return in->has_percentiles ? buf_add(&g->values, &v, sizeof(v)) : 0;
}

/* Between the two values around it. */
static double percentile(const struct group *g, double percent) {
        const double *v = (const double *) (const void *) g->values.data;
        double at = percent / 100 * (double) (g->n - 1);
        size_t i = (size_t) at;

        if (i + 1 >= (size_t) g->n)
                return v[g->n - 1];
        return v[i] + (at - (double) i) * (v[i + 1] - v[i]);
}

static double add_up(const struct group *g, const struct aggregation *a) {
        switch (a->how) {
        case TRACE_METRICS_COUNT:
                return (double) g->n;
        case TRACE_METRICS_SUM:
                return g->sum;
        case TRACE_METRICS_AVG:
                return g->sum / (double) g->n;
        case TRACE_METRICS_MIN:
                return g->min;
        case TRACE_METRICS_MAX:
                return g->max;
        default:
                return percentile(g, a->percent);
        }
}

static void write_group(struct job *j, const struct group *g) {
        const struct in *in = j->in;
        const struct trace_metrics *m = &in->metrics;
        usec_t unit = m->view == TRACE_METRICS_SPANS ? 1000 : 1; /* from ns or ms */
        char time[TIMESTAMP_SIZE];

        json_write_object(&j->json);
        json_write_kv_str(&j->json, "metric_name", m->metric);
        if (m->interval_s || m->n_dimensions > 0)
                json_write_kv_object(&j->json, "dimensions");
        if (m->interval_s)
                json_write_kv_str(&j->json, "time_bucket",
                                  timestamp_print(unit == 1 ? (usec_t) g->from * USEC_PER_MSEC
                                                            : (usec_t) g->from / unit,
                                                  TIMESTAMP_SECONDS | TIMESTAMP_OFFSET, time));
        for (size_t i = 0; i < m->n_dimensions; i++)
                json_write_kv_str(&j->json, m->dimensions[i], g->dimensions[i]);
        if (m->interval_s || m->n_dimensions > 0)
                json_write_end(&j->json);
        json_write_kv_object(&j->json, "values");
        for (size_t i = 0; i < in->n; i++)
                json_write_kv_f64(&j->json, in->list[i].key, add_up(g, &in->list[i]));
        json_write_end(&j->json);
        json_write_end(&j->json);
}

/* Without groups nothing, counts over no rows aside: those are 0. */
static void write_groups(struct job *j, const struct groups *g) {
        const struct in *in = j->in;
        static const struct group none = {};
        bool one = g->n == 0 && !in->metrics.interval_s && in->metrics.n_dimensions == 0 &&
                   !trace_metrics_has_values(&in->metrics) && in->max_results > 0;

        if (g->n == 0 && !one)
                return;
        json_write_kv_array(&j->json, "data_points");
        if (one)
                write_group(j, &none);
        for (size_t i = 0; i < g->n; i++)
                write_group(j, &((const struct group *) (const void *) g->list.data)[i]);
        json_write_end(&j->json);
}

static int run_query(struct job *j, struct db *db) {
        struct groups groups _cleanup_(groups_done) = {};
        struct search_sql sql _cleanup_(search_sql_done) = {};
        DB_USE struct db_stmt *s = NULL;
        const struct in *in = j->in;
        struct group *g;
        int r;

        search_sql_init(&sql, j->arena);
        r = trace_metrics_build(&in->metrics, &j->refusal, &sql);
        if (r == 0)
                r = search_sql_prepare(&sql, db, &s);
        while (r == 0 && (r = db_step(s)) == DB_ROW) {
                g = find(&groups, j, s, &r);
                if (r == 0 && g)
                        r = take(g, in, s);
        }
        if (r == 0)
                write_groups(j, &groups);
        return r;
}

/* --- reading --- */

static void read_experiments(struct ask *q, struct trace_metrics *m) {
        size_t n;
        const char **ids = ask_list(q, "experiment_ids", ASK_NEED, &n);
        int64_t *numbers;

        if (q->result != 0)
                return;
        if (n > EXPERIMENTS_MAX)
                ask_check(q, refusal_invalid(&q->refusal,
                                             "A question is about at most %d experiments.",
                                             EXPERIMENTS_MAX));
        numbers = arena_zalloc_array(q->arena, n + 1, sizeof(*numbers));
        if (!numbers)
                ask_check(q, -ENOMEM);
        for (size_t i = 0; q->result == 0 && i < n; i++)
                ask_check(q, field_check_experiment_id(&q->refusal, ids[i], &numbers[i]));
        m->experiment_ids = numbers;
        m->n_experiment_ids = n;
        if (q->result == 0)
                ask_check(q, access_check_readable(&q->refusal, numbers, n));
}

/* 99.0 as Python writes it. */
static int name_percentile(struct aggregation *a) {
        _cleanup_buf_ struct buf text = {};
        struct json_write w;

        json_write_init(&w, &text, 0);
        json_write_f64(&w, a->percent);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        (void) snprintf(a->key, sizeof(a->key), "P%s", buf_cstr(&text));
        return 0;
}

static int read_aggregation(struct ask *q, const struct json *j, struct aggregation *ret) {
        static const char *const names[] = {NULL,         "COUNT", "SUM", "AVG",
                                            "PERCENTILE", "MIN",   "MAX"};
        const struct json *type = json_get(j, "aggregation_type");
        bool has = json_get(j, "percentile_value");
        size_t i = 1;

        while (i < ARRAY_SIZE(names) &&
               !(json_is(type, JSON_STRING) && str_eq(type->str, names[i])))
                i++;
        if (i == ARRAY_SIZE(names))
                return refusal_invalid(&q->refusal,
                                       "An aggregation has an aggregation_type: COUNT, SUM, AVG, "
                                       "PERCENTILE, MIN or MAX");
        ret->how = (enum trace_metrics_how)(1U << i);
        (void) snprintf(ret->key, sizeof(ret->key), "%s", names[i]);
        if (has != (ret->how == TRACE_METRICS_PERCENTILE))
                return refusal_invalid(&q->refusal, "PERCENTILE has a percentile_value, %s",
                                       has ? "others have none" : "from 0 to 100");
        if (!has)
                return 0;
        if (!ask_item_f64(q, j, "aggregations", "percentile_value", &ret->percent))
                return q->result;
        if (!(ret->percent >= 0 && ret->percent <= 100))
                return refusal_invalid(&q->refusal, "Percentile value must be between 0 and 100");
        return name_percentile(ret);
}

static void read_aggregations(struct ask *q, struct in *in) {
        const struct json *list, *item;
        size_t n = 0;

        list = ask_objects(q, "aggregations", ASK_NEED, &n);
        if (q->result == 0 && n > AGGREGATIONS_MAX)
                ask_check(q, refusal_invalid(&q->refusal, "There are at most %d aggregations.",
                                             AGGREGATIONS_MAX));
        in->list = arena_zalloc_array(q->arena, n + 1, sizeof(*in->list));
        if (!in->list)
                ask_check(q, -ENOMEM);
        json_each (item, list) {
                if (q->result != 0)
                        return;
                ask_check(q, read_aggregation(q, item, &in->list[in->n]));
                in->metrics.how |= in->list[in->n].how;
                in->has_percentiles |= in->list[in->n++].how == TRACE_METRICS_PERCENTILE;
        }
}

static int check(struct ask *q, const struct in *in, bool has_from, bool has_until) {
        const struct trace_metrics *m = &in->metrics;
        int r = trace_metrics_check(m, &q->refusal);

        if (r != 0)
                return r;
        if (in->n == 0)
                return refusal_invalid(&q->refusal,
                                       "aggregations are needed: how are the values added up?");
        if (m->interval_s && (!has_from || !has_until))
                return refusal_invalid(&q->refusal, "start_time_ms and end_time_ms are required if "
                                                    "time_interval_seconds is set");
        if (m->interval_s < 0 || m->interval_s > INTERVAL_MAX)
                return refusal_invalid(&q->refusal,
                                       "time_interval_seconds is a number from 1 to %lld",
                                       (long long) INTERVAL_MAX);
        return 0;
}

int trace_metrics_api_query(struct http_request *req) {
        static const char *const views[] = {NULL, "TRACES", "SPANS", "ASSESSMENTS"};
        struct in in = {.max_results = RESULTS,
                        .metrics = {.from_ms = INT64_MIN, .until_ms = INT64_MAX}};
        struct trace_metrics *m = &in.metrics;
        bool has_from, has_until;
        int64_t view = 0;
        struct ask q;

        ask_open(&q, req);
        read_experiments(&q, m);
        ask_enum(&q, "view_type", ASK_NEED, views, ARRAY_SIZE(views), &view);
        m->view = (enum trace_metrics_view) view;
        m->metric = ask_str(&q, "metric_name", ASK_NEED);
        read_aggregations(&q, &in);
        m->dimensions = ask_list(&q, "dimensions", 0, &m->n_dimensions);
        m->filters = ask_list(&q, "filters", 0, &m->n_filters);
        ask_i64(&q, "time_interval_seconds", 0, &m->interval_s);
        has_from = ask_i64(&q, "start_time_ms", 0, &m->from_ms);
        has_until = ask_i64(&q, "end_time_ms", 0, &m->until_ms);
        ask_i64(&q, "max_results", 0, &in.max_results);
        if (q.result == 0)
                ask_check(&q, check(&q, &in, has_from, has_until));
        return job_read(&q, run_query, &in);
}
