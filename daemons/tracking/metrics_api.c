#include "daemons/tracking/metrics_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/logged_models_sql.h"
#include "daemons/tracking/metrics_history.h"
#include "daemons/tracking/metrics_samples.h"
#include "daemons/tracking/metrics_sql.h"
#include "daemons/tracking/page_token.h"
#include "daemons/tracking/run_resume.h"
#include "daemons/tracking/runs_json.h"
#include "daemons/tracking/search_page.h"
#include "lib/base/json_form.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum {
        BULK_RUNS_MAX = 100,
        BULK_RESULTS_MAX = 25000,
        INTERVAL_RESULTS_MAX = 2500, /* a run */
};

struct log {
        const char *run_id;
        struct metric metric;
};

static int run_log(struct job *j, struct db *db) {
        const struct log *in = j->in;
        int64_t experiment_id;
        int r = runs_sql_need_active(db, &j->refusal, in->run_id, &experiment_id);

        if (r == 0)
                r = logged_models_sql_add_metric(db, &j->refusal, in->run_id, experiment_id,
                                                 &in->metric);
        if (r == 0)
                r = run_resume_cut(j->tracking->resume, db, in->run_id, &in->metric, 1);
        return r != 0 ? r : metrics_sql_insert(db, &j->refusal, in->run_id, &in->metric);
}

int metrics_api_log(struct http_request *req) {
        struct log in = {};
        struct metric *m = &in.metric;
        struct ask q;

        ask_open_numbers(&q, req);
        in.run_id = ask_run_id(&q);
        m->key = ask_str(&q, "key", ASK_NEED);
        ask_f64(&q, "value", ASK_NEED, &m->value);
        ask_i64(&q, "timestamp", ASK_NEED, &m->at_ms);
        ask_i64(&q, "step", 0, &m->step);
        m->model_id = ask_str(&q, "model_id", 0);
        m->dataset_name = ask_str(&q, "dataset_name", 0);
        m->dataset_digest = ask_str(&q, "dataset_digest", 0);
        if (q.result == 0)
                ask_check(&q, field_check_metric_dataset(&q.refusal, m->dataset_name,
                                                         m->dataset_digest));
        if (q.result == 0)
                ask_check(&q, field_check_metric(&q.refusal, "", m->key, m->value, m->at_ms));
        return job_write(&q, run_log, &in);
}

struct history {
        const char *run_id, *key;
        int64_t max_results; /* 0: all */
        int64_t offset;
};

/* A page as it is written. */
struct page {
        struct job *job;
        const char *run_id, *key; /* of the form */
        struct json_form form;
        int64_t n, n_max;        /* points written; 0: all */
        bool is_full;            /* there is one more */
        struct json_write begin; /* as it was before the first of them */
        size_t begin_len;
};

static void page_begin(struct page *p) {
        p->begin = p->job->json;
        p->begin_len = p->job->json.out->len;
}

static void page_done(struct page *p) {
        json_form_done(&p->form);
}

/* Forgets all points. */
static void write_again(void *ctx) {
        struct page *p = ctx;

        json_form_done(&p->form);
        p->key = NULL;
        p->n = 0;
        p->is_full = false;
        p->job->json = p->begin;
        buf_truncate(p->job->json.out, p->begin_len);
}

/* The form of the key's points: nearly always the one that is there. */
static void need_form(struct page *p, const char *key, void (*open)(struct page *p)) {
        if (p->key && (p->key == key || str_eq(p->key, key)))
                return;
        p->key = arena_strdup(p->job->arena, key);
        if (!p->key)
                p->job->json.out->error = -ENOMEM; /* it sticks */
        json_form_done(&p->form);
        json_form_init(&p->form, &p->job->json);
        open(p);
}

static void open_number(struct page *p, const char *name) {
        json_write_key(&p->form.w, name);
        json_form_gap(&p->form);
}

static void open_metric(struct page *p) {
        struct json_write *w = &p->form.w;

        json_write_object(w);
        json_write_kv_str(w, "key", p->key);
        open_number(p, "value");
        open_number(p, "timestamp");
        open_number(p, "step");
        json_write_end(w);
}

static void write_metric(void *ctx, const struct metric *m) {
        struct page *p = ctx;

        p->is_full = p->n_max && p->n == p->n_max;
        if (p->is_full)
                return;
        p->n++;
        need_form(p, m->key, open_metric);
        json_form_next(&p->form);
        json_form_f64(&p->form, m->value);
        json_form_i64(&p->form, m->at_ms);
        json_form_i64(&p->form, m->step);
}

static int run_history(struct job *j, struct db *db) {
        const struct history *in = j->in;
        int64_t limit = in->max_results ? search_page_more(in->max_results) : INT64_MAX;
        struct page page _cleanup_(page_done) = {.job = j, .n_max = in->max_results};
        const struct metrics_history_to to = {write_metric, write_again, &page};
        int r = access_check_run(db, &j->refusal, in->run_id);

        if (r != 0)
                return r;
        json_write_kv_items(&j->json, "metrics");
        page_begin(&page);
        r = metrics_history(db, in->run_id, in->key, limit, in->offset, &to);
        if (r < 0)
                return r;
        json_write_end(&j->json);
        if (!page.is_full)
                return 0;
        return page_token_write_next(&j->json, j->arena, in->offset + in->max_results);
}

int metrics_api_history(struct http_request *req) {
        struct history in = {};
        const char *token;
        struct ask q;

        ask_open(&q, req);
        in.run_id = ask_run_id(&q);
        in.key = ask_str(&q, "metric_key", ASK_NEED);
        token = ask_str(&q, "page_token", 0);
        if (ask_i64(&q, "max_results", 0, &in.max_results) && in.max_results <= 0)
                ask_check(&q, refusal_invalid(&q.refusal,
                                              "Invalid value %" PRId64 " for parameter "
                                              "'max_results' supplied. It must be a positive "
                                              "integer.",
                                              in.max_results));
        ask_offset(&q, token, &in.offset);
        return job_read(&q, run_history, &in);
}

struct bulk {
        const char **run_ids;
        size_t n_run_ids;
        const char *key;
        int64_t max_results, first_step, last_step;
};

static int by_text(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* This answer comes from a part of MLflow that sorts the names of fields and uses one line. */
static void open_line(struct page *p) {
        struct json_write *w = &p->form.w;

        json_write_object(w);
        json_write_kv_str(w, "key", p->key);
        json_write_kv_str(w, "run_id", p->run_id);
        open_number(p, "step");
        open_number(p, "timestamp");
        open_number(p, "value");
        json_write_end(w);
}

static void write_line(void *ctx, const struct metric *m) {
        struct page *p = ctx;

        p->n++;
        need_form(p, m->key, open_line);
        json_form_next(&p->form);
        json_form_i64(&p->form, m->step);
        json_form_i64(&p->form, m->at_ms);
        json_form_f64(&p->form, m->value);
}

static int write_run(struct job *j, struct db *db, const char *run_id, int64_t *left) {
        struct page page _cleanup_(page_done) = {.job = j, .run_id = run_id};
        const struct metrics_history_to to = {write_line, write_again, &page};
        const struct bulk *in = j->in;
        int r = access_check_run(db, &j->refusal, run_id);

        if (r != 0)
                return r;
        page_begin(&page);
        r = metrics_history(db, run_id, in->key, *left, 0, &to);
        *left -= page.n;
        return r;
}

static int run_bulk(struct job *j, struct db *db) {
        const struct bulk *in = j->in;
        int64_t left = in->max_results;
        int r = 0;

        json_write_kv_array(&j->json, "metrics");
        for (size_t i = 0; r == 0 && left > 0 && i < in->n_run_ids; i++) {
                if (i > 0 && str_eq(in->run_ids[i], in->run_ids[i - 1]))
                        continue;
                r = write_run(j, db, in->run_ids[i], &left);
        }
        json_write_end(&j->json);
        return r;
}

int metrics_api_history_bulk(struct http_request *req) {
        struct bulk in = {.max_results = BULK_RESULTS_MAX};
        struct ask q;

        ask_open(&q, req);
        q.body = NULL; /* only ever the query */
        in.run_ids = ask_list(&q, "run_id", 0, &in.n_run_ids);
        if (q.result == 0 && in.n_run_ids == 0)
                ask_check(&q, refusal_invalid(&q.refusal, "GetMetricHistoryBulk request must "
                                                          "specify at least one run_id."));
        if (q.result == 0 && in.n_run_ids > BULK_RUNS_MAX)
                ask_check(&q, refusal_invalid(&q.refusal,
                                              "GetMetricHistoryBulk request cannot specify more "
                                              "than %d run_ids. Received %zu run_ids.",
                                              BULK_RUNS_MAX, in.n_run_ids));
        in.key = ask_str(&q, "metric_key", 0);
        if (q.result == 0 && !in.key)
                ask_check(&q, refusal_invalid(&q.refusal, "GetMetricHistoryBulk request must "
                                                          "specify a metric_key."));
        ask_i64(&q, "max_results", 0, &in.max_results);
        if (in.max_results < 0 || in.max_results > BULK_RESULTS_MAX) /* SQLite's LIMIT -1 */
                in.max_results = BULK_RESULTS_MAX;
        if (in.n_run_ids > 0)
                qsort(in.run_ids, in.n_run_ids, sizeof(*in.run_ids), by_text);
        return job_read_compact(&q, run_bulk, &in);
}

static void write_point(struct job *j, const struct metric *m, const char *key,
                        const char *run_id) {
        json_write_object(&j->json);
        runs_json_write_metric(&j->json, key, m->value, m->at_ms, m->step);
        json_write_kv_str(&j->json, "run_id", run_id);
        json_write_end(&j->json);
}

static int check_runs(struct job *j, struct db *db) {
        const struct bulk *in = j->in;
        int r = 0;

        for (size_t i = 0; r == 0 && i < in->n_run_ids; i++)
                r = access_check_run(db, &j->refusal, in->run_ids[i]);
        return r;
}

static int run_interval(struct job *j, struct db *db) {
        const struct bulk *in = j->in;
        const struct metrics_sample of = {.key = in->key,
                                          .n_max = in->max_results,
                                          .first_step = in->first_step,
                                          .last_step = in->last_step};
        struct metrics_samples *samples =
                arena_zalloc_array(j->arena, in->n_run_ids + 1, sizeof(*samples));
        int r = samples ? check_runs(j, db) : -ENOMEM;

        if (r != 0)
                return r;
        r = metrics_samples_read(j->tracking->readers, db, &of, in->run_ids, in->n_run_ids,
                                 samples);
        json_write_kv_items(&j->json, "metrics");
        for (size_t i = 0; r == 0 && i < in->n_run_ids; i++)
                for (size_t k = 0; k < samples[i].n; k++)
                        write_point(j, &samples[i].points[k], in->key, in->run_ids[i]);
        json_write_end(&j->json);
        metrics_samples_done(samples, in->n_run_ids);
        return r;
}

static int check_interval(struct ask *q, struct bulk *in, bool has_first, bool has_last) {
        if (in->n_run_ids > BULK_RUNS_MAX)
                return refusal_invalid(&q->refusal,
                                       "GetMetricHistoryBulkInterval request must specify at most "
                                       "%d run_ids. Received %zu run_ids. See the API docs for "
                                       "more information about request parameters.",
                                       BULK_RUNS_MAX, in->n_run_ids);
        if (in->max_results < 1 || in->max_results > INTERVAL_RESULTS_MAX)
                return refusal_invalid(&q->refusal,
                                       "max_results must be between 1 and %d. See the API docs for "
                                       "more information about request parameters.",
                                       INTERVAL_RESULTS_MAX);
        if (has_first != has_last)
                return refusal_invalid(&q->refusal, "If either start step or end step are "
                                                    "specified, both must be specified.");
        if (in->first_step > in->last_step)
                return refusal_invalid(&q->refusal,
                                       "end_step must be greater than start_step. Found "
                                       "start_step=%" PRId64 " and end_step=%" PRId64 ".",
                                       in->first_step, in->last_step);
        return 0;
}

int metrics_api_ask_history_bulk_interval(struct ask *q) {
        struct bulk in = {.max_results = INTERVAL_RESULTS_MAX,
                          .first_step = INT64_MIN,
                          .last_step = INT64_MAX};
        bool has_first, has_last;

        in.run_ids = ask_list(q, "run_ids", ASK_NEED, &in.n_run_ids);
        in.key = ask_str(q, "metric_key", ASK_NEED);
        has_first = ask_i64(q, "start_step", 0, &in.first_step);
        has_last = ask_i64(q, "end_step", 0, &in.last_step);
        ask_i64(q, "max_results", 0, &in.max_results);
        if (q->result == 0)
                ask_check(q, check_interval(q, &in, has_first, has_last));
        return job_read(q, run_interval, &in);
}

int metrics_api_history_bulk_interval(struct http_request *req) {
        struct ask q;

        ask_open(&q, req);
        return metrics_api_ask_history_bulk_interval(&q);
}
