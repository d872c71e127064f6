#include "daemons/tracking/logged_models_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/artifact_uri.h"
#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/logged_models_search.h"
#include "daemons/tracking/logged_models_sql.h"
#include "daemons/tracking/run_name.h"
#include "daemons/tracking/runs_json.h"
#include "daemons/tracking/search_page.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum { SEARCH_RESULTS_DEFAULT = 50, SEARCH_RESULTS_MAX = 5000 };

static int write_info(struct json_write *w, struct db *db, const struct logged_model *m) {
        char id[24];

        snprintf(id, sizeof(id), "%" PRId64, m->experiment_id);
        json_write_kv_str(w, "model_id", m->id);
        json_write_kv_str(w, "experiment_id", id);
        json_write_kv_str(w, "name", m->name);
        json_write_kv_i64(w, "creation_timestamp_ms", m->created_at_ms);
        json_write_kv_i64(w, "last_updated_timestamp_ms", m->updated_at_ms);
        json_write_kv_str(w, "artifact_uri", m->artifact_location);
        json_write_kv_str(w, "status", logged_models_sql_statuses[m->status]);
        if (m->type)
                json_write_kv_str(w, "model_type", m->type);
        if (m->source_run_id)
                json_write_kv_str(w, "source_run_id", m->source_run_id);
        if (m->status_message)
                json_write_kv_str(w, "status_message", m->status_message);
        return runs_json_write_pairs(w, "tags", logged_models_sql_tags(db, m->id));
}

static int write_metrics(struct json_write *w, struct db *db, const char *id) {
        DB_USE struct db_stmt *s = logged_models_sql_metrics(db, id);
        int r;

        json_write_kv_items(w, "metrics");
        while ((r = db_step(s)) == DB_ROW) {
                json_write_object(w);
                runs_json_write_metric(w, db_col_text(s, 0), db_col_f64(s, 1), db_col_i64(s, 2),
                                       db_col_i64(s, 3));
                if (!str_empty(db_col_text(s, 4)))
                        json_write_kv_str(w, "dataset_name", db_col_text(s, 4));
                if (!str_empty(db_col_text(s, 5)))
                        json_write_kv_str(w, "dataset_digest", db_col_text(s, 5));
                json_write_kv_str(w, "model_id", db_col_text(s, 6));
                json_write_kv_str(w, "run_id", db_col_text(s, 7));
                json_write_end(w);
        }
        json_write_end(w);
        return r;
}

/* The fields of a logged model, in an object that is open. */
static int write_model(struct json_write *w, struct db *db, const struct logged_model *m) {
        int r;

        json_write_kv_object(w, "info");
        r = write_info(w, db, m);
        json_write_end(w);
        if (r < 0)
                return r;
        json_write_kv_object(w, "data");
        r = runs_json_write_pairs(w, "params", logged_models_sql_params(db, m->id));
        if (r == 0)
                r = write_metrics(w, db, m->id);
        json_write_end(w);
        return r;
}

static int write_answer(struct job *j, struct db *db, const struct logged_model *m) {
        int r;

        json_write_kv_object(&j->json, "model");
        r = write_model(&j->json, db, m);
        json_write_end(&j->json);
        return r;
}

struct create {
        const char *experiment_id, *name, *type, *source_run_id;
        struct ask_pair *params, *tags;
        size_t n_params, n_tags;
};

/* Everything of the row that the request does not say. */
static int fill(struct job *j, const struct experiment *e, struct logged_model *m) {
        char id[ENTROPY_ID_SIZE], name[RUN_NAME_SIZE];
        const char *path = NULL;
        int r = entropy_id(j->tracking->entropy, id);

        if (r == 0 && str_empty(m->name)) {
                r = run_name_generate(j->tracking->entropy, name);
                m->name = arena_strdup(j->arena, name);
        }
        if (r < 0)
                return r;
        m->id = arena_printf(j->arena, "m-%s", id);
        if (m->id)
                path = arena_printf(j->arena, "models/%s/artifacts", m->id);
        if (path)
                m->artifact_location = artifact_uri_append(j->arena, e->artifact_location, path);
        m->experiment_id = e->id;
        m->created_at_ms = m->updated_at_ms = tracking_now_ms(j->tracking);
        m->status = LOGGED_MODELS_SQL_PENDING;
        return m->name && m->artifact_location ? 0 : -ENOMEM;
}

static int run_create(struct job *j, struct db *db) {
        const struct create *in = j->in;
        struct logged_model m = {.name = in->name,
                                 .type = in->type ? in->type : "",
                                 .source_run_id = in->source_run_id ? in->source_run_id : ""};
        struct experiment e;
        int r = experiments_sql_need(db, &j->refusal, in->experiment_id, EXPERIMENTS_SQL_ANY, &e);

        if (r == 0)
                r = experiments_sql_need_active(&j->refusal, &e);
        if (r == 0)
                r = fill(j, &e, &m);
        if (r == 0)
                r = logged_models_sql_insert(db, &m);
        for (size_t i = 0; r == 0 && i < in->n_params; i++)
                r = logged_models_sql_param_add(db, &j->refusal, &m, in->params[i].key,
                                                in->params[i].value);
        for (size_t i = 0; r == 0 && i < in->n_tags; i++)
                r = logged_models_sql_tag_set(db, &m, in->tags[i].key, in->tags[i].value);
        return r != 0 ? r : write_answer(j, db, &m);
}

int logged_models_api_create(struct http_request *req) {
        struct create in = {};
        struct ask q;

        ask_open(&q, req);
        in.experiment_id = ask_str(&q, "experiment_id", ASK_NEED);
        in.name = ask_str(&q, "name", 0);
        in.type = ask_str(&q, "model_type", 0);
        in.source_run_id = ask_str(&q, "source_run_id", 0);
        in.params = ask_pairs(&q, "params", &in.n_params);
        in.tags = ask_pairs(&q, "tags", &in.n_tags);
        if (q.result == 0 && !str_empty(in.name))
                ask_check(&q, field_check_logged_model_name(&q.refusal, in.name));
        return job_write(&q, run_create, &in);
}

struct one {
        const char *id, *key;
        bool allow_deleted;
        int64_t status;
        struct ask_pair *pairs;
        size_t n_pairs;
};

static int run_get(struct job *j, struct db *db) {
        const struct one *in = j->in;
        struct logged_model m;
        int r = logged_models_sql_need(db, &j->refusal, in->id, in->allow_deleted, &m);

        return r != 0 ? r : write_answer(j, db, &m);
}

int logged_models_api_get(struct http_request *req) {
        const char *allow = http_request_query(req, "allow_deleted");
        struct one in = {.id = http_request_param(req, "model_id"),
                         .allow_deleted = allow && str_eq_fold(allow, "true")};
        struct ask q;

        ask_open(&q, req);
        return job_read(&q, run_get, &in);
}

static int run_finalize(struct job *j, struct db *db) {
        const struct one *in = j->in;
        struct logged_model m;
        int r = logged_models_sql_need(db, &j->refusal, in->id, true, &m);

        if (r != 0)
                return r;
        m.status = in->status;
        m.updated_at_ms = tracking_now_ms(j->tracking);
        r = logged_models_sql_set_status(db, m.id, m.status, m.updated_at_ms);
        return r != 0 ? r : write_answer(j, db, &m);
}

int logged_models_api_finalize(struct http_request *req) {
        struct one in = {.id = http_request_param(req, "model_id")};
        struct ask q;

        ask_open(&q, req);
        ask_str(&q, "model_id", ASK_NEED);
        ask_enum(&q, "status", ASK_NEED, logged_models_sql_statuses, LOGGED_MODELS_SQL_STATUSES,
                 &in.status);
        return job_write(&q, run_finalize, &in);
}

static int run_delete(struct job *j, struct db *db) {
        const struct one *in = j->in;
        struct logged_model m;
        int r = logged_models_sql_need(db, &j->refusal, in->id, true, &m);

        return r != 0 ? r : logged_models_sql_delete(db, m.id, tracking_now_ms(j->tracking));
}

int logged_models_api_delete(struct http_request *req) {
        struct one in = {.id = http_request_param(req, "model_id")};
        struct ask q;

        ask_open(&q, req);
        return job_write(&q, run_delete, &in);
}

static int run_set_tags(struct job *j, struct db *db) {
        const struct one *in = j->in;
        struct logged_model m;
        int r = logged_models_sql_need(db, &j->refusal, in->id, true, &m);

        for (size_t i = 0; r == 0 && i < in->n_pairs; i++)
                r = logged_models_sql_tag_set(db, &m, in->pairs[i].key, in->pairs[i].value);
        return r;
}

int logged_models_api_set_tags(struct http_request *req) {
        struct one in = {.id = http_request_param(req, "model_id")};
        struct ask q;

        ask_open(&q, req);
        in.pairs = ask_pairs(&q, "tags", &in.n_pairs);
        return job_write(&q, run_set_tags, &in);
}

static int run_delete_tag(struct job *j, struct db *db) {
        const struct one *in = j->in;
        struct logged_model m;
        int64_t n = 0;
        int r = logged_models_sql_need(db, &j->refusal, in->id, true, &m);

        if (r == 0)
                r = logged_models_sql_tag_delete(db, m.id, in->key, &n);
        if (r == 0 && n == 0)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "No tag with key %s found for model with ID %s.",
                                   field_check_repr(j->arena, in->key),
                                   field_check_repr(j->arena, in->id));
        return r;
}

int logged_models_api_delete_tag(struct http_request *req) {
        struct one in = {.id = http_request_param(req, "model_id"),
                         .key = http_request_param(req, "tag_key")};
        struct ask q;

        ask_open(&q, req);
        return job_write(&q, run_delete_tag, &in);
}

static int run_log_params(struct job *j, struct db *db) {
        const struct one *in = j->in;
        struct logged_model m;
        int r = logged_models_sql_need(db, &j->refusal, in->id, true, &m);

        for (size_t i = 0; r == 0 && i < in->n_pairs; i++)
                r = logged_models_sql_param_add(db, &j->refusal, &m, in->pairs[i].key,
                                                in->pairs[i].value);
        return r;
}

int logged_models_api_log_params(struct http_request *req) {
        struct one in = {.id = http_request_param(req, "model_id")};
        struct ask q;

        ask_open(&q, req);
        ask_str(&q, "model_id", ASK_NEED);
        in.pairs = ask_pairs(&q, "params", &in.n_pairs);
        return job_write(&q, run_log_params, &in);
}

static int write_found(struct job *j, struct db *db, struct db_stmt *s) {
        struct logged_model m;
        int r = logged_models_sql_read(s, j->arena, &m);

        return r < 0 ? r : write_model(&j->json, db, &m);
}

static int run_search(struct job *j, struct db *db) {
        const struct logged_models_search *in = j->in;
        struct search_sql sql _cleanup_(search_sql_done) = {};
        int r;

        search_sql_init(&sql, j->arena);
        r = logged_models_search_build(in, &j->refusal, &sql);
        if (r != 0)
                return r;
        return search_page_write(j, db, &sql,
                                 &(struct search_page){.key = "models",
                                                       .limit = in->limit,
                                                       .offset = in->offset,
                                                       .write = write_found});
}

static void read_datasets(struct ask *q, struct logged_models_search *in) {
        struct logged_models_search_dataset *datasets;
        const struct json *list, *item;
        size_t n, i = 0;

        list = ask_objects(q, "datasets", 0, &n);
        if (n == 0)
                return;
        datasets = arena_zalloc_array(q->arena, n, sizeof(*datasets));
        if (!ask_check(q, datasets ? 0 : -ENOMEM))
                return;
        json_each (item, list) {
                datasets[i].name = ask_item_str(q, item, "datasets", "dataset_name");
                datasets[i].digest = ask_item_str(q, item, "datasets", "dataset_digest");
                if (str_empty(datasets[i].digest))
                        datasets[i].digest = NULL;
                if (q->result == 0 && str_empty(datasets[i].name))
                        ask_check(q, refusal_invalid(&q->refusal, "`dataset_name` in the "
                                                                  "`datasets` clause must be "
                                                                  "specified."));
                i++;
        }
        in->datasets = datasets;
        in->n_datasets = n;
}

static int check_order(struct ask *q, const struct logged_models_search_order *o) {
        if (str_empty(o->field))
                return refusal_set(&q->refusal, REFUSAL_ATTRIBUTE_NOT_FOUND,
                                   "Invalid order by field name: ");
        if (o->dataset.digest && !o->dataset.name)
                return refusal_invalid(&q->refusal, "`dataset_digest` can only be specified if "
                                                    "`dataset_name` is also specified.");
        return 0;
}

static void read_order(struct ask *q, struct logged_models_search *in) {
        struct logged_models_search_order *order;
        const struct json *list, *item;
        size_t n, i = 0;

        list = ask_objects(q, "order_by", 0, &n);
        if (n == 0)
                return;
        order = arena_zalloc_array(q->arena, n, sizeof(*order));
        if (!ask_check(q, order ? 0 : -ENOMEM))
                return;
        json_each (item, list) {
                struct logged_models_search_order *o = &order[i++];
                bool ascending = true;

                o->field = ask_item_str(q, item, "order_by", "field_name");
                o->dataset.name = ask_item_str(q, item, "order_by", "dataset_name");
                o->dataset.digest = ask_item_str(q, item, "order_by", "dataset_digest");
                if (str_empty(o->dataset.name))
                        o->dataset.name = NULL;
                if (str_empty(o->dataset.digest))
                        o->dataset.digest = NULL;
                json_bool(json_get(item, "ascending"), &ascending);
                o->descending = !ascending;
                if (q->result == 0)
                        ask_check(q, check_order(q, o));
        }
        in->order = order;
        in->n_order = n;
}

int logged_models_api_search(struct http_request *req) {
        struct logged_models_search in = {};
        const char **ids, *token;
        int64_t max_results = 0, *numbers;
        struct ask q;
        size_t n;

        ask_open(&q, req);
        ids = ask_list(&q, "experiment_ids", ASK_NEED, &n);
        in.filter = ask_str(&q, "filter", 0);
        read_datasets(&q, &in);
        ask_i64(&q, "max_results", 0, &max_results);
        read_order(&q, &in);
        token = ask_str(&q, "page_token", 0);
        numbers = arena_zalloc_array(req->arena, n + 1, sizeof(*numbers));
        ask_check(&q, numbers ? 0 : -ENOMEM);
        for (size_t i = 0; q.result == 0 && i < n; i++)
                ask_check(&q, field_check_experiment_id(&q.refusal, ids[i], &numbers[i]));
        ask_offset(&q, token, &in.offset);
        if (max_results <= 0)
                max_results = SEARCH_RESULTS_DEFAULT;
        in.experiment_ids = numbers;
        in.n_experiment_ids = n;
        in.limit = MIN(max_results, (int64_t) SEARCH_RESULTS_MAX) + 1;
        return job_read(&q, run_search, &in);
}
