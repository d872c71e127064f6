#include "daemons/tracking/traces_search_api.h"

#include <errno.h>
#include <math.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/search_page.h"
#include "daemons/tracking/traces_json.h"
#include "daemons/tracking/traces_search.h"
#include "lib/base/arena.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum { RESULTS_MAX = 500, EXPERIMENTS_MAX = 10000, RESULTS = 100 };

struct search {
        struct traces_search search;
        int64_t max_results, offset;
        bool old;
        bool everywhere; /* in all experiments; ours, not MLflow's */
};

static int write_found(struct job *j, struct db *db, struct db_stmt *s) {
        const struct search *in = j->in;
        struct trace t;
        int r = traces_sql_read(s, j->arena, &t);

        if (r < 0)
                return r;
        return in->old ? traces_json_write_v2(&j->json, db, &t)
                       : traces_json_write(&j->json, db, j->arena, &t);
}

static int run_search(struct job *j, struct db *db) {
        struct search_sql sql _cleanup_(search_sql_done) = {};
        struct search *in = j->in;
        int r = 0;

        if (in->everywhere)
                r = experiments_sql_active_ids(db, j->arena, j->refusal.access, EXPERIMENTS_MAX,
                                               &in->search.experiment_ids,
                                               &in->search.n_experiment_ids);
        if (r < 0)
                return r;
        search_sql_init(&sql, j->arena);
        traces_search_build(&in->search, &sql);
        search_sql_page(&sql, in->max_results + 1, in->offset);
        return search_page_write(j, db, &sql,
                                 &(struct search_page){.key = "traces",
                                                       .limit = in->max_results + 1,
                                                       .offset = in->offset,
                                                       .write = write_found});
}

static int read_ids(struct ask *q, const char **ids, size_t n, struct traces_search *ret) {
        int64_t *numbers;
        int r = 0;

        if (n > EXPERIMENTS_MAX)
                return refusal_invalid(&q->refusal,
                                       "A search looks through at most %d experiments. Got %zu.",
                                       EXPERIMENTS_MAX, n);
        numbers = arena_zalloc_array(q->arena, n + 1, sizeof(*numbers));
        if (!numbers)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < n; i++)
                r = field_check_experiment_id(&q->refusal, ids[i], &numbers[i]);
        ret->experiment_ids = numbers;
        ret->n_experiment_ids = n;
        return r == 0 ? access_check_readable(&q->refusal, numbers, n) : r;
}

/* The experiments of "locations". */
static const char **read_locations(struct ask *q, unsigned need, size_t *ret_n) {
        const struct json *list, *item, *id;
        const char **ids;
        size_t n = 0;

        list = ask_objects(q, "locations", need, &n);
        ids = arena_zalloc_array(q->arena, n + 1, sizeof(*ids));
        *ret_n = 0;
        if (!ids) {
                ask_check(q, -ENOMEM);
                return NULL;
        }
        json_each (item, list) {
                id = json_get(json_get(item, "mlflow_experiment"), "experiment_id");
                if (json_is(id, JSON_STRING))
                        ids[(*ret_n)++] = id->str;
        }
        return ids;
}

static int search(struct ask *q, const char **ids, size_t n_ids, bool everywhere, bool old) {
        struct search in = {.max_results = RESULTS, .old = old, .everywhere = everywhere};
        const char **order_by, *filter, *token;
        size_t n_order_by;

        filter = ask_str(q, "filter", 0);
        ask_i64(q, "max_results", 0, &in.max_results);
        order_by = ask_list(q, "order_by", 0, &n_order_by);
        token = ask_str(q, "page_token", 0);
        if (q->result == 0 && in.max_results > RESULTS_MAX)
                ask_refuse_value(q, "max_results");
        if (q->result == 0 && in.max_results < 1)
                ask_check(q, refusal_invalid(&q->refusal,
                                             "Invalid value %lld for parameter 'max_results' "
                                             "supplied. It must be a positive integer",
                                             (long long) in.max_results));
        if (q->result == 0)
                ask_check(q, traces_search_parse(&in.search, filter, order_by, n_order_by,
                                                 &q->refusal));
        ask_offset(q, token, &in.offset);
        if (q->result == 0)
                ask_check(q, read_ids(q, ids, n_ids, &in.search));
        return old ? job_read(q, run_search, &in) : job_read_compact(q, run_search, &in);
}

int traces_search_api_search(struct http_request *req) {
        const char **ids;
        bool everywhere = false;
        struct ask q;
        size_t n;

        ask_open(&q, req);
        ask_bool(&q, "everywhere", &everywhere);
        ids = read_locations(&q, everywhere ? 0 : ASK_NEED, &n);
        return search(&q, ids, n, everywhere, false);
}

int traces_search_api_search_v2(struct http_request *req) {
        const char **ids;
        struct ask q;
        size_t n;

        ask_open(&q, req);
        ids = ask_list(&q, "experiment_ids", ASK_NEED, &n);
        return search(&q, ids, n, false, true);
}

/* --- how two filters go together ----------------------------------------------------------------
 */

struct correlation {
        struct traces_search base, first, second, both;
};

static int count(struct job *j, struct db *db, const struct traces_search *q, int64_t *ret) {
        struct search_sql sql _cleanup_(search_sql_done) = {};

        search_sql_init(&sql, j->arena);
        search_sql_add(&sql, "SELECT count(*)");
        traces_search_build_where(q, &sql);
        return search_sql_number(&sql, db, ret);
}

/* Normalized pointwise mutual information of a table of counts; NaN where it means nothing.
 * `more` is added to each of the four cells. */
static double npmi(int64_t joint, int64_t a, int64_t b, int64_t total, double more) {
        double n11 = (double) joint + more, n10 = (double) (a - joint) + more;
        double n01 = (double) (b - joint) + more, n00 = (double) (total - a - b + joint) + more;
        double all = n11 + n10 + n01 + n00, x;

        if (total <= 0 || a == 0 || b == 0 || n11 < 0 || n10 < 0 || n01 < 0 || n00 < 0)
                return NAN;
        if (joint == 0 && more == 0)
                return -1;
        if (a == joint && b == joint && total == joint)
                return 1;
        x = (log(n11) + log(all)) - (log(n11 + n10) + log(n11 + n01));
        return fmax(-1, fmin(1, x / -(log(n11) - log(all))));
}

static int run_correlate(struct job *j, struct db *db) {
        const struct correlation *in = j->in;
        int64_t total = 0, a = 0, b = 0, joint = 0;
        int r = count(j, db, &in->base, &total);
        double value, smooth;

        if (r == 0)
                r = count(j, db, &in->first, &a);
        if (r == 0)
                r = count(j, db, &in->second, &b);
        if (r == 0)
                r = count(j, db, &in->both, &joint);
        if (r < 0)
                return r;
        value = npmi(joint, a, b, total, 0);
        smooth = npmi(joint, a, b, total, 0.5);
        if (!isnan(value))
                json_write_kv_f64(&j->json, "npmi", value);
        if (!isnan(smooth))
                json_write_kv_f64(&j->json, "npmi_smoothed", smooth);
        json_write_kv_i64(&j->json, "filter1_count", a);
        json_write_kv_i64(&j->json, "filter2_count", b);
        json_write_kv_i64(&j->json, "joint_count", joint);
        json_write_kv_i64(&j->json, "total_count", total);
        return 0;
}

static void correlation_part(struct ask *q, const struct traces_search *ids, const char *a,
                             const char *b, const char *c, struct traces_search *ret) {
        const char *text =
                arena_printf(q->arena, "%s AND %s AND %s", a ? a : "", b ? b : "", c ? c : "");

        *ret = *ids;
        if (!text)
                ask_check(q, -ENOMEM);
        else if (q->result == 0)
                ask_check(q, traces_search_parse(ret, text, NULL, 0, &q->refusal));
}

int traces_search_api_correlate(struct http_request *req) {
        const char **ids, *first, *second, *base;
        struct correlation in = {};
        struct traces_search all = {};
        struct ask q;
        size_t n;

        ask_open(&q, req);
        ids = ask_list(&q, "experiment_ids", ASK_NEED, &n);
        first = ask_str(&q, "filter_string1", ASK_NEED);
        second = ask_str(&q, "filter_string2", ASK_NEED);
        base = ask_str(&q, "base_filter", 0);
        if (q.result == 0)
                ask_check(&q, read_ids(&q, ids, n, &all));
        correlation_part(&q, &all, base, NULL, NULL, &in.base);
        correlation_part(&q, &all, base, first, NULL, &in.first);
        correlation_part(&q, &all, base, second, NULL, &in.second);
        correlation_part(&q, &all, base, first, second, &in.both);
        return job_read(&q, run_correlate, &in);
}
