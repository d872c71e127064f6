#include "daemons/tracking/batch_api.h"

#include <errno.h>

#include "daemons/tracking/field_check.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/logged_models_sql.h"
#include "daemons/tracking/metrics_sql.h"
#include "daemons/tracking/params_sql.h"
#include "daemons/tracking/run_resume.h"
#include "daemons/tracking/run_tags.h"
#include "daemons/tracking/runs_sql.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"
#include "lib/net/http_request.h"

struct batch {
        const char *run_id;
        struct metric *metrics;
        struct ask_pair *params, *tags;
        size_t n_metrics, n_params, n_tags;
};

/* Params that stand there with another value are all named before the batch is refused. */
static int add_params(struct job *j, struct db *db, const struct batch *in) {
        _cleanup_buf_ struct buf differ = {};
        int r = 0;

        for (size_t i = 0; r == 0 && i < in->n_params; i++) {
                const struct ask_pair *p = &in->params[i];
                const char *old;

                r = params_sql_insert(db, in->run_id, p->key, p->value, j->arena, &old);
                if (r != PARAMS_SQL_DIFFERS)
                        continue;
                r = buf_printf(&differ, "%s{'key': %s, 'old_value': %s, 'new_value': %s}",
                               differ.len ? ", " : "", field_check_repr(j->arena, p->key),
                               field_check_repr(j->arena, old),
                               field_check_repr(j->arena, p->value));
        }
        if (r != 0 || differ.len == 0)
                return r;
        return refusal_invalid(&j->refusal,
                               "Changing param values is not allowed. Params were already "
                               "logged='[%s]' for run ID='%s'.",
                               buf_cstr(&differ), in->run_id);
}

static int run_batch(struct job *j, struct db *db) {
        const struct batch *in = j->in;
        int64_t experiment_id;
        int r = runs_sql_need_active(db, &j->refusal, in->run_id, &experiment_id);

        if (r == 0)
                r = add_params(j, db, in);
        for (size_t i = 0; r == 0 && i < in->n_metrics; i++)
                r = logged_models_sql_add_metric(db, &j->refusal, in->run_id, experiment_id,
                                                 &in->metrics[i]);
        if (r == 0)
                r = run_resume_cut(j->tracking->resume, db, in->run_id, in->metrics, in->n_metrics);
        if (r == 0)
                r = metrics_sql_insert_all(db, j->arena, &j->refusal, in->run_id, in->metrics,
                                           in->n_metrics);
        for (size_t i = 0; r == 0 && i < in->n_tags; i++)
                r = run_tags_set(db, in->run_id, in->tags[i].key, in->tags[i].value);
        return r;
}

static void refuse_absent(struct ask *q, const char *path, const char *key) {
        ask_check(q, refusal_invalid(&q->refusal,
                                     "Missing value for required parameter '%s.%s'. See the API "
                                     "docs for more information about request parameters.",
                                     path, key));
}

static void read_metric(struct ask *q, const struct json *item, const char *path,
                        struct metric *ret) {
        bool has;

        ret->key = ask_item_str(q, item, path, "key");
        if (q->result == 0 && str_empty(ret->key))
                refuse_absent(q, path, "key");
        has = ask_item_f64(q, item, path, "value", &ret->value);
        if (q->result == 0 && !has)
                refuse_absent(q, path, "value");
        has = ask_item_i64(q, item, path, "timestamp", &ret->at_ms);
        if (q->result == 0 && !has)
                refuse_absent(q, path, "timestamp");
        ask_item_i64(q, item, path, "step", &ret->step);
        ret->model_id = ask_item_str(q, item, path, "model_id");
        ret->dataset_name = ask_item_str(q, item, path, "dataset_name");
        ret->dataset_digest = ask_item_str(q, item, path, "dataset_digest");
}

static void read_metrics(struct ask *q, struct batch *in) {
        const struct json *list, *item;
        size_t i = 0, n;

        list = ask_objects(q, "metrics", 0, &n);
        if (n == 0)
                return;
        in->metrics = arena_zalloc_array(q->arena, n, sizeof(*in->metrics));
        if (!ask_check(q, in->metrics ? 0 : -ENOMEM))
                return;
        json_each (item, list) {
                char path[ASK_NTH_SIZE];

                ask_nth("metrics", i, path);
                read_metric(q, item, path, &in->metrics[i++]);
        }
        for (i = 0; q->result == 0 && i < n; i++) {
                const struct metric *m = &in->metrics[i];

                ask_check(q, field_check_metric_dataset(&q->refusal, m->dataset_name,
                                                        m->dataset_digest));
                if (q->result != 0)
                        return;
        }
        in->n_metrics = n;
}

static struct ask_pair *read_pairs(struct ask *q, const char *name, size_t *ret_n) {
        struct ask_pair *pairs = ask_pairs(q, name, ret_n);

        for (size_t i = 0; q->result == 0 && i < *ret_n; i++) {
                char path[ASK_NTH_SIZE];

                ask_nth(name, i, path);
                if (str_empty(pairs[i].key))
                        refuse_absent(q, path, "key");
        }
        return pairs;
}

/* What each field may be, in the order in which MLflow looks. */
static int check_fields(struct ask *q, struct batch *in) {
        char path[ASK_NTH_SIZE];
        int r = field_check_run_id(&q->refusal, "run_id", in->run_id);

        for (size_t i = 0; r == 0 && i < in->n_metrics; i++) {
                const struct metric *m = &in->metrics[i];

                ask_nth("metrics", i, path);
                r = field_check_metric(&q->refusal, path, m->key, m->value, m->at_ms);
        }
        for (size_t i = 0; r == 0 && i < in->n_params; i++) {
                ask_nth("params", i, path);
                r = field_check_param(&q->refusal, path, in->params[i].key, &in->params[i].value);
        }
        for (size_t i = 0; r == 0 && i < in->n_tags; i++) {
                ask_nth("tags", i, path);
                r = field_check_tag(&q->refusal, path, in->tags[i].key, &in->tags[i].value);
        }
        return r;
}

static int check_limits(struct ask *q, const struct batch *in) {
        struct refusal *f = &q->refusal;
        int r = field_check_batch(f, "metrics", FIELD_CHECK_METRICS_MAX, in->n_metrics);

        if (r == 0)
                r = field_check_batch(f, "params", FIELD_CHECK_PARAMS_MAX, in->n_params);
        if (r == 0)
                r = field_check_batch(f, "tags", FIELD_CHECK_PARAMS_MAX, in->n_tags);
        if (r == 0)
                r = field_check_batch(f, "metrics, params, and tags", FIELD_CHECK_ENTITIES_MAX,
                                      in->n_metrics + in->n_params + in->n_tags);
        return r;
}

static int check_unique_params(struct ask *q, const struct batch *in) {
        _cleanup_(strmap_done) struct strmap seen = {};
        _cleanup_buf_ struct buf twice = {};
        int r;

        for (size_t i = 0; i < in->n_params; i++) {
                r = strmap_add(&seen, in->params[i].key, NULL);
                if (r > 0)
                        r = buf_printf(&twice, "%s%s", twice.len ? ", " : "",
                                       field_check_repr(q->arena, in->params[i].key));
                if (r < 0)
                        return r;
        }
        if (twice.len == 0)
                return 0;
        return refusal_invalid(&q->refusal,
                               "Duplicate parameter keys have been submitted: [%s]. Please ensure "
                               "the request contains only one param value per param key.",
                               buf_cstr(&twice));
}

int batch_api_log(struct http_request *req) {
        struct batch in = {};
        struct ask q;

        ask_open_numbers(&q, req);
        in.run_id = ask_str(&q, "run_id", ASK_NEED);
        read_metrics(&q, &in);
        in.params = read_pairs(&q, "params", &in.n_params);
        in.tags = read_pairs(&q, "tags", &in.n_tags);
        if (q.result == 0)
                ask_check(&q, check_fields(&q, &in));
        if (q.result == 0)
                ask_check(&q, check_limits(&q, &in));
        if (q.result == 0)
                ask_check(&q, check_unique_params(&q, &in));
        return job_write(&q, run_batch, &in);
}
