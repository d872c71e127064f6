#include "daemons/tracking/experiments_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/experiment_location.h"
#include "daemons/tracking/experiments_search.h"
#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/search_page.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

/* MLflow's pages keep their own views as tags; so many of an experiment at most. */
#define CUSTOM_VIEW_PREFIX "mlflow.customView.view"
#define CUSTOM_VIEWS_MAX 50

static int write_tags(struct job *j, struct db *db, int64_t id) {
        DB_USE struct db_stmt *s = experiments_sql_tags(db, id);
        int r;

        json_write_kv_items(&j->json, "tags");
        while ((r = db_step(s)) == DB_ROW) {
                json_write_object(&j->json);
                json_write_kv_str(&j->json, "key", db_col_text(s, 0));
                json_write_kv_str(&j->json, "value", db_col_text(s, 1) ? db_col_text(s, 1) : "");
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        return r;
}

/* The fields of an experiment, in an object that is open. */
static int write_experiment(struct job *j, struct db *db, const struct experiment *e) {
        int r;

        json_write_kv_i64_text(&j->json, "experiment_id", e->id);
        json_write_kv_str(&j->json, "name", e->name);
        json_write_kv_str(&j->json, "artifact_location", e->artifact_location);
        json_write_kv_str(&j->json, "lifecycle_stage", e->is_active ? "active" : "deleted");
        if (e->updated_at_ms)
                json_write_kv_i64(&j->json, "last_update_time", e->updated_at_ms);
        if (e->created_at_ms)
                json_write_kv_i64(&j->json, "creation_time", e->created_at_ms);
        r = write_tags(j, db, e->id);
        json_write_kv_str(&j->json, "workspace", "default");
        return r;
}

static int write_answer(struct job *j, struct db *db, const struct experiment *e) {
        int r;

        json_write_kv_object(&j->json, "experiment");
        r = write_experiment(j, db, e);
        json_write_end(&j->json);
        return r;
}

struct create {
        const char *name, *location;
        struct ask_pair *tags;
        size_t n_tags;
};

static int run_create(struct job *j, struct db *db) {
        const struct create *in = j->in;
        int64_t now_ms = tracking_now_ms(j->tracking);
        struct experiment e;
        int r = str_empty(in->location)
                        ? experiments_sql_make(db, j->arena, in->name, j->tracking->artifact_root,
                                               now_ms, &e)
                        : experiments_sql_insert(db, in->name, in->location, now_ms, &e.id);

        if (r == DB_CONFLICT)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_ALREADY_EXISTS,
                                   "Experiment(name=%s) already exists.", in->name);
        if (r < 0)
                return r;
        for (size_t i = 0; r == 0 && i < in->n_tags; i++)
                r = experiments_sql_tag_set(db, e.id, in->tags[i].key, in->tags[i].value);
        json_write_kv_i64_text(&j->json, "experiment_id", e.id);
        j->made_type = ACCESS_EXPERIMENT;
        j->made_id = arena_printf(j->arena, "%" PRId64, e.id);
        return r == 0 && !j->made_id ? -ENOMEM : r;
}

static int check_view_count(struct ask *q, int64_t n, const char *experiment) {
        if (n <= CUSTOM_VIEWS_MAX)
                return 0;
        return refusal_invalid(&q->refusal,
                               "Unable to create another custom view%s; the maximum number of "
                               "custom views per experiment is %d. Delete an existing custom view "
                               "before creating a new one.",
                               experiment, CUSTOM_VIEWS_MAX);
}

int experiments_api_create(struct http_request *req) {
        const struct tracking *t = req->ctx;
        struct create in = {};
        struct ask q;
        int64_t n_views = 0;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.location = ask_str(&q, "artifact_location", 0);
        in.tags = ask_pairs(&q, "tags", &in.n_tags);
        for (size_t i = 0; i < in.n_tags; i++)
                n_views += str_starts(in.tags[i].key, CUSTOM_VIEW_PREFIX);
        if (q.result == 0)
                ask_check(&q, check_view_count(&q, n_views, ""));
        if (q.result == 0)
                ask_check(&q, experiment_location_check(&q.refusal, in.location, t->artifact_root));
        if (q.result == 0)
                ask_check(&q, experiment_location_resolve(&q.refusal, &in.location));
        if (q.result == 0)
                ask_check(&q, field_check_experiment_name(&q.refusal, in.name));
        for (size_t i = 0; q.result == 0 && i < in.n_tags; i++)
                ask_check(&q,
                          field_check_experiment_tag(&q.refusal, in.tags[i].key, in.tags[i].value));
        return job_write(&q, run_create, &in);
}

struct one {
        const char *id, *name, *key, *value;
};

static int run_get(struct job *j, struct db *db) {
        const struct one *in = j->in;
        struct experiment e;
        int r = experiments_sql_need(db, &j->refusal, in->id, EXPERIMENTS_SQL_ANY, &e);

        return r != 0 ? r : write_answer(j, db, &e);
}

int experiments_api_ask_get(struct ask *q) {
        struct one in = {};

        in.id = ask_str(q, "experiment_id", ASK_NEED);
        return job_read(q, run_get, &in);
}

int experiments_api_get(struct http_request *req) {
        struct ask q;

        ask_open(&q, req);
        return experiments_api_ask_get(&q);
}

static int run_get_by_name(struct job *j, struct db *db) {
        const struct one *in = j->in;
        struct experiment e;
        int r = experiments_sql_get_by_name(db, j->arena, in->name, &e);

        if (r == DB_DONE)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "Could not find experiment with name '%s'", in->name);
        if (r == DB_ROW)
                r = access_check_experiment(&j->refusal, e.id);
        return r != 0 ? r : write_answer(j, db, &e);
}

int experiments_api_get_by_name(struct http_request *req) {
        struct one in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "experiment_name", ASK_NEED);
        return job_read(&q, run_get_by_name, &in);
}

static int write_found(struct job *j, struct db *db, struct db_stmt *s) {
        struct experiment e;
        int r = experiments_sql_read(s, j->arena, &e);

        return r < 0 ? r : write_experiment(j, db, &e);
}

static int run_search(struct job *j, struct db *db) {
        const struct experiments_search *in = j->in;
        struct search_sql sql _cleanup_(search_sql_done) = {}, all _cleanup_(search_sql_done) = {};
        struct experiments_search counted = *in;
        int r;

        counted.count = true;
        search_sql_init(&sql, j->arena);
        search_sql_init(&all, j->arena);
        r = experiments_search_build(in, &j->refusal, &sql);
        if (r == 0 && in->with_total)
                r = experiments_search_build(&counted, &j->refusal, &all);
        if (r == 0 && in->with_total)
                r = search_page_total(j, db, &all);
        if (r != 0)
                return r;
        return search_page_write(j, db, &sql,
                                 &(struct search_page){.key = "experiments",
                                                       .limit = in->limit,
                                                       .offset = in->offset,
                                                       .write = write_found});
}

int experiments_api_search(struct http_request *req) {
        static const char *const views[] = {NULL, "ACTIVE_ONLY", "DELETED_ONLY", "ALL"};
        struct experiments_search in = {};
        int64_t view = 1, max_results = 0;
        const char *token;
        struct ask q;

        ask_open(&q, req);
        ask_enum(&q, "view_type", 0, views, ARRAY_SIZE(views), &view);
        ask_i64(&q, "max_results", 0, &max_results);
        in.order_by = ask_list(&q, "order_by", 0, &in.n_order_by);
        in.filter = ask_str(&q, "filter", 0);
        token = ask_str(&q, "page_token", 0);
        ask_bool(&q, "with_total", &in.with_total);
        ask_page(&q, max_results, token, &in.offset);
        in.limit = search_page_more(max_results);
        in.view = view == 3   ? EXPERIMENTS_SEARCH_ALL
                  : view == 2 ? EXPERIMENTS_SEARCH_DELETED
                              : EXPERIMENTS_SEARCH_ACTIVE;
        return job_read(&q, run_search, &in);
}

static int run_update(struct job *j, struct db *db) {
        const struct one *in = j->in;
        struct experiment e;
        int r = experiments_sql_need(db, &j->refusal, in->id, EXPERIMENTS_SQL_ANY, &e);

        if (r != 0)
                return r;
        if (!e.is_active)
                return refusal_set(&j->refusal, REFUSAL_INVALID_STATE,
                                   "Cannot rename a non-active experiment.");
        r = experiments_sql_rename(db, e.id, in->name, tracking_now_ms(j->tracking));
        if (r == DB_CONFLICT)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_ALREADY_EXISTS,
                                   "Experiment(name=%s) already exists.", in->name);
        return r;
}

int experiments_api_update(struct http_request *req) {
        struct one in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "experiment_id", ASK_NEED);
        in.name = ask_str(&q, "new_name", ASK_NEED);
        if (q.result == 0)
                ask_check(&q, field_check_experiment_name(&q.refusal, in.name));
        return job_write(&q, run_update, &in);
}

static int set_active(struct job *j, struct db *db, bool active) {
        const struct one *in = j->in;
        struct experiment e;
        int r = experiments_sql_need(db, &j->refusal, in->id,
                                     active ? EXPERIMENTS_SQL_DELETED : EXPERIMENTS_SQL_ACTIVE, &e);

        return r != 0 ? r
                      : experiments_sql_set_active(db, e.id, active, tracking_now_ms(j->tracking));
}

static int run_delete(struct job *j, struct db *db) {
        return set_active(j, db, false);
}

static int run_restore(struct job *j, struct db *db) {
        return set_active(j, db, true);
}

static int by_id(struct http_request *req, job_fn *run) {
        struct one in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "experiment_id", ASK_NEED);
        return job_write(&q, run, &in);
}

int experiments_api_delete(struct http_request *req) {
        return by_id(req, run_delete);
}

int experiments_api_restore(struct http_request *req) {
        return by_id(req, run_restore);
}

static int check_new_view(struct job *j, struct db *db, int64_t id, const char *key) {
        struct ask q = {.refusal = j->refusal};
        char experiment[48];
        int64_t n;
        int r;

        if (!str_starts(key, CUSTOM_VIEW_PREFIX))
                return 0;
        r = experiments_sql_tag_has(db, id, key);
        if (r != DB_DONE)
                return r < 0 ? r : 0;
        r = experiments_sql_tags_count(db, id, CUSTOM_VIEW_PREFIX, &n);
        if (r < 0)
                return r;
        snprintf(experiment, sizeof(experiment), " for experiment %" PRId64, id);
        r = check_view_count(&q, n + 1, experiment);
        j->refusal = q.refusal;
        return r;
}

static int run_set_tag(struct job *j, struct db *db) {
        const struct one *in = j->in;
        struct experiment e;
        int r = experiments_sql_need(db, &j->refusal, in->id, EXPERIMENTS_SQL_ANY, &e);

        if (r == 0)
                r = experiments_sql_need_active(&j->refusal, &e);
        if (r == 0)
                r = check_new_view(j, db, e.id, in->key);
        return r != 0 ? r : experiments_sql_tag_set(db, e.id, in->key, in->value);
}

int experiments_api_set_tag(struct http_request *req) {
        struct one in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "experiment_id", ASK_NEED);
        in.key = ask_str(&q, "key", ASK_NEED);
        in.value = ask_text(&q, "value");
        if (q.result == 0)
                ask_check(&q, field_check_experiment_tag(&q.refusal, in.key, in.value));
        return job_write(&q, run_set_tag, &in);
}

static int run_delete_tag(struct job *j, struct db *db) {
        const struct one *in = j->in;
        struct experiment e;
        int64_t n = 0;
        int r = experiments_sql_need(db, &j->refusal, in->id, EXPERIMENTS_SQL_ANY, &e);

        if (r == 0)
                r = experiments_sql_need_active(&j->refusal, &e);
        if (r == 0)
                r = experiments_sql_tag_delete(db, e.id, in->key, &n);
        if (r == 0 && n == 0)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "No tag with name: %s in experiment with id %s", in->key,
                                   in->id);
        return r;
}

int experiments_api_delete_tag(struct http_request *req) {
        struct one in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "experiment_id", ASK_NEED);
        in.key = ask_str(&q, "key", ASK_NEED);
        return job_write(&q, run_delete_tag, &in);
}
