#include "daemons/tracking/gateway_endpoints_api.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/experiments_sql.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/gateway_models_of.h"
#include "daemons/tracking/gateway_models_sql.h"
#include "daemons/tracking/job.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum { GATEWAY_NAME_MAX = 255 };

#define ROUTING "REQUEST_BASED_TRAFFIC_SPLIT"
#define STRATEGY "SEQUENTIAL"

struct in {
        const char *id, *name, *by, *provider, *experiment_id;
        const char *routing; /* NULL: as it is */
        struct gateway_mapping *models;
        size_t n_models;
        bool has_fallback, has_strategy, has_attempts, has_tracking, tracking;
        int64_t attempts;
};

/* --- reading --- */

static int check_name(struct ask *q, const char *name) {
        for (const char *p = name; *p; p++)
                if (!isascii((unsigned char) *p) ||
                    (!isalnum((unsigned char) *p) && !strchr("_-.", *p)))
                        return refusal_invalid(&q->refusal,
                                               "Invalid endpoint name '%s'. Name can only contain "
                                               "letters, numbers, underscores, hyphens, and dots.",
                                               name);
        return field_check_length(&q->refusal, "name", GATEWAY_NAME_MAX, name);
}

static bool is_strategy(const struct json *j) {
        const char *text;
        int64_t n;

        return (json_str(j, &text) == 0 && str_eq(text, STRATEGY)) ||
               (json_i64(j, &n) == 0 && n == 1);
}

static void read_fallback(struct ask *q, struct in *in) {
        const struct json *f = q->body ? json_get(q->body, "fallback_config") : NULL;

        if (!json_is(f, JSON_OBJECT))
                return;
        in->has_fallback = true;
        in->has_strategy = is_strategy(json_get(f, "strategy"));
        in->has_attempts = ask_item_i64(q, f, "fallback_config", "max_attempts", &in->attempts);
        if (q->result == 0 && in->has_attempts && in->attempts != (int32_t) in->attempts)
                ask_check(q, refusal_invalid(&q->refusal, "Invalid value for parameter "
                                                          "'max_attempts' in fallback_config: it "
                                                          "is beyond 32 bits."));
}

static void read_rest(struct ask *q, struct in *in) {
        static const char *const routings[] = {"ROUTING_STRATEGY_UNSPECIFIED", ROUTING};
        int64_t routing = 0;

        ask_enum(q, "routing_strategy", 0, routings, ARRAY_SIZE(routings), &routing);
        in->routing = routing == 1 ? ROUTING : NULL;
        read_fallback(q, in);
        in->experiment_id = ask_given(q, "experiment_id");
        in->has_tracking = ask_bool(q, "usage_tracking", &in->tracking);
        if (q->result == 0 && in->name)
                ask_check(q, check_name(q, in->name));
        if (q->result == 0 && in->by)
                ask_check(q,
                          field_check_length(&q->refusal, "created_by", GATEWAY_NAME_MAX, in->by));
}

/* --- answers --- */

static int write_tags(struct job *j, struct db *db, const char *id) {
        DB_USE struct db_stmt *s = gateway_endpoints_sql_tags(db, id);
        int r;

        json_write_kv_items(&j->json, "tags");
        while ((r = db_step(s)) == DB_ROW) {
                json_write_object(&j->json);
                json_write_kv_str(&j->json, "key", db_col_text(s, 0));
                if (!db_col_is_null(s, 1))
                        json_write_kv_str(&j->json, "value", db_col_text(s, 1));
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        return r;
}

/* What is kept as {"strategy": …, "max_attempts": …, "model_definition_ids": […]}. */
static int write_fallback(struct job *j, const char *text) {
        struct json *root = NULL;
        int64_t attempts;
        int r = json_parse_copy(j->arena, text, strlen(text), &root, NULL);

        if (r < 0)
                return r == -EINVAL ? 0 : r; /* another's, that we cannot read: none */
        json_write_kv_object(&j->json, "fallback_config");
        if (is_strategy(json_get(root, "strategy")))
                json_write_kv_str(&j->json, "strategy", STRATEGY);
        if (json_i64(json_get(root, "max_attempts"), &attempts) == 0)
                json_write_kv_i64(&j->json, "max_attempts", attempts);
        json_write_end(&j->json);
        return 0;
}

static int write_endpoint(struct job *j, struct db *db, const struct gateway_endpoint *x,
                          const struct gateway_mapping *models, size_t n_models) {
        struct json_write *w = &j->json;
        int r;

        json_write_kv_str(w, "endpoint_id", x->id);
        json_write_kv_str(w, "name", x->name ? x->name : "");
        json_write_kv_i64(w, "created_at", x->created_at_ms);
        json_write_kv_i64(w, "last_updated_at", x->updated_at_ms);
        r = gateway_models_of_write_list(j, db, models, n_models);
        json_write_kv_str(w, "created_by", x->created_by ? x->created_by : "");
        json_write_kv_str(w, "last_updated_by", x->updated_by ? x->updated_by : "");
        if (r == 0)
                r = write_tags(j, db, x->id);
        if (!str_empty(x->routing))
                json_write_kv_str(w, "routing_strategy", x->routing);
        if (r == 0 && !str_empty(x->fallback_config))
                r = write_fallback(j, x->fallback_config);
        if (x->has_experiment) {
                json_write_kv_i64_text(w, "experiment_id", x->experiment_id);
        }
        json_write_kv_bool(w, "usage_tracking", x->usage_tracking);
        return r;
}

static int write_answer(struct job *j, struct db *db, const struct gateway_endpoint *x) {
        struct gateway_mapping *models;
        size_t n;
        int r = gateway_endpoints_sql_mappings(db, j->arena, x->id, &models, &n);

        if (r < 0)
                return r;
        json_write_kv_object(&j->json, "endpoint");
        r = write_endpoint(j, db, x, models, n);
        json_write_end(&j->json);
        return r;
}

/* --- the experiment of an endpoint --- */

static int make_experiment(struct job *j, struct db *db, const char *name, const char *endpoint_id,
                           struct experiment *ret) {
        int r = experiments_sql_make(db, j->arena, name, j->tracking->artifact_root,
                                     tracking_now_ms(j->tracking), ret);

        if (r != 0)
                return r < 0 ? r : -EUCLEAN;
        r = experiments_sql_tag_set(db, ret->id, "mlflow.experiment.sourceType", "GATEWAY");
        if (r == 0)
                r = experiments_sql_tag_set(db, ret->id, "mlflow.experiment.sourceId", endpoint_id);
        if (r == 0)
                r = experiments_sql_tag_set(db, ret->id, "mlflow.experiment.isGateway", "true");
        return r;
}

/* The one that was named; or "gateway/NAME", when calls are to be traced and none is there. */
static int set_experiment(struct job *j, struct db *db, struct gateway_endpoint *x) {
        const struct in *in = j->in;
        struct experiment e = {};
        const char *name;
        int r;

        if (in->experiment_id) {
                r = experiments_sql_need(db, &j->refusal, in->experiment_id, EXPERIMENTS_SQL_ANY,
                                         &e);
                if (r != 0)
                        return r;
        } else if (in->tracking && !x->has_experiment) {
                name = arena_printf(j->arena, "gateway/%s", x->name);
                if (!name)
                        return -ENOMEM;
                r = experiments_sql_get_by_name(db, j->arena, name, &e);
                if (r == DB_DONE)
                        r = make_experiment(j, db, name, x->id, &e);
                if (r < 0)
                        return r;
        } else {
                return 0;
        }
        x->experiment_id = e.id;
        x->has_experiment = true;
        return 0;
}

/* --- making and changing --- */

/* Ids of models from an older text of the configuration; NULL: none. */
static int old_ids(struct job *j, const char *text, const struct json **ret) {
        struct json *root = NULL;
        int r = text ? json_parse_copy(j->arena, text, strlen(text), &root, NULL) : 0;

        *ret = json_get(root, "model_definition_ids");
        return r == -EINVAL ? 0 : r;
}

/* As Python prints it: {"strategy": null, "max_attempts": 2, "model_definition_ids": ["d-…"]}. */
static int set_fallback(struct job *j, struct gateway_endpoint *x, const struct json *ids) {
        const struct in *in = j->in;
        _cleanup_buf_ struct buf out = {};
        struct json_write w;
        int r;

        json_write_init(&w, &out, JSON_WRITE_ASCII | JSON_WRITE_SPACED);
        json_write_object(&w);
        json_write_key(&w, "strategy");
        json_write_str(&w, in->has_strategy ? STRATEGY : NULL);
        json_write_key(&w, "max_attempts");
        if (in->has_attempts)
                json_write_i64(&w, in->attempts);
        else
                json_write_null(&w);
        json_write_key(&w, "model_definition_ids");
        if (json_is(ids, JSON_ARRAY)) {
                json_write_node(&w, ids);
        } else {
                json_write_array(&w);
                for (size_t i = 0; i < in->n_models; i++)
                        if (str_eq(in->models[i].linkage, "FALLBACK"))
                                json_write_str(&w, in->models[i].model_id);
                json_write_end(&w);
        }
        json_write_end(&w);
        r = json_write_finish(&w);
        x->fallback_config = r < 0 ? NULL : arena_strdup(j->arena, buf_cstr(&out));
        return r < 0 ? r : x->fallback_config ? 0 : -ENOMEM;
}

static bool has_fallback_model(const struct in *in) {
        for (size_t i = 0; i < in->n_models; i++)
                if (str_eq(in->models[i].linkage, "FALLBACK"))
                        return true;
        return false;
}

static int attach_all(struct job *j, struct db *db, const struct gateway_endpoint *x) {
        const struct in *in = j->in;
        int r = 0;

        for (size_t i = 0; r == 0 && i < in->n_models; i++) {
                struct gateway_mapping m = in->models[i];

                m.endpoint_id = x->id;
                m.created_by = in->by;
                r = gateway_models_of_attach(j, db, &m);
        }
        return r;
}

static int refuse_taken(struct job *j, const char *name) {
        return refusal_set(&j->refusal, REFUSAL_RESOURCE_ALREADY_EXISTS,
                           "Endpoint with name '%s' already exists", name);
}

/* Before anything is made. */
static int check_models(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_model model;
        int r;

        for (size_t i = 0; i < in->n_models; i++) {
                r = gateway_models_sql_get(db, j->arena, in->models[i].model_id, &model);
                if (r == DB_DONE)
                        return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                           "Model definitions not found: %s",
                                           in->models[i].model_id);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int run_create(struct job *j, struct db *db) {
        const struct in *in = j->in;
        char id[2 + ENTROPY_ID_SIZE] = "e-";
        struct gateway_endpoint x = {
                .name = in->name,
                .created_by = in->by,
                .updated_by = in->by,
                .routing = in->routing,
                .usage_tracking = in->tracking,
                .created_at_ms = tracking_now_ms(j->tracking),
        };
        int r = check_models(j, db);

        if (r == 0)
                r = entropy_id(j->tracking->entropy, id + 2);
        if (r != 0)
                return r;
        x.updated_at_ms = x.created_at_ms;
        x.id = arena_strdup(j->arena, id);
        r = x.id ? set_experiment(j, db, &x) : -ENOMEM;
        if (r == 0 && (in->has_fallback || has_fallback_model(in)))
                r = set_fallback(j, &x, NULL);
        if (r != 0)
                return r;
        r = gateway_endpoints_sql_insert(db, &x);
        if (r == DB_CONFLICT)
                return refuse_taken(j, in->name);
        if (r == 0)
                r = attach_all(j, db, &x);
        j->made_type = ACCESS_GATEWAY_ENDPOINT;
        j->made_id = x.id;
        return r != 0 ? r : write_answer(j, db, &x);
}

int gateway_endpoints_api_create(struct http_request *req) {
        struct in in = {.tracking = true};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.by = ask_given(&q, "created_by");
        in.models = gateway_models_of_read_list(&q, "model_configs", ASK_NEED, &in.n_models);
        read_rest(&q, &in);
        if (q.result == 0 && in.n_models == 0)
                ask_check(&q, refusal_invalid(&q.refusal, "Endpoint must have at least one model "
                                                          "configuration"));
        return job_write(&q, run_create, &in);
}

static int run_get(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_endpoint x;
        int r = gateway_endpoints_sql_need(db, &j->refusal, in->id, in->name, &x);

        return r != 0 ? r : write_answer(j, db, &x);
}

int gateway_endpoints_api_get(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_given(&q, "endpoint_id");
        in.name = ask_given(&q, "name");
        if (q.result == 0 && !in.id == !in.name)
                ask_check(&q,
                          refusal_invalid(&q.refusal, "Exactly one of endpoint_id or name must be "
                                                      "provided"));
        return job_read(&q, run_get, &in);
}

/* Those with a model of the provider; with any at all, when none is named. */
static int is_asked_for(struct job *j, struct db *db, const struct gateway_mapping *models,
                        size_t n) {
        const struct in *in = j->in;
        struct gateway_model model;
        int r;

        if (!in->provider)
                return n > 0;
        for (size_t i = 0; i < n; i++) {
                r = gateway_models_sql_get(db, j->arena, models[i].model_id, &model);
                if (r < 0)
                        return r;
                if (r == DB_ROW && str_eq(model.provider, in->provider))
                        return 1;
        }
        return 0;
}

static int run_list(struct job *j, struct db *db) {
        DB_USE struct db_stmt *s = gateway_endpoints_sql_list(db);
        struct gateway_mapping *models;
        struct gateway_endpoint x;
        size_t n;
        int r;

        json_write_kv_items(&j->json, "endpoints");
        while ((r = db_step(s)) == DB_ROW) {
                r = gateway_endpoints_sql_read(s, j->arena, &x);
                if (r == 0)
                        r = gateway_endpoints_sql_mappings(db, j->arena, x.id, &models, &n);
                if (r == 0)
                        r = is_asked_for(j, db, models, n);
                if (r < 0)
                        return r;
                if (r == 0 ||
                    access_level_on(j->refusal.access, ACCESS_GATEWAY_ENDPOINT, x.id) < ACCESS_READ)
                        continue;
                json_write_object(&j->json);
                r = write_endpoint(j, db, &x, models, n);
                json_write_end(&j->json);
                if (r < 0)
                        return r;
        }
        json_write_end(&j->json);
        return r;
}

int gateway_endpoints_api_list(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.provider = ask_given(&q, "provider");
        return job_read(&q, run_list, &in);
}

static int replace_models(struct job *j, struct db *db, struct gateway_endpoint *x) {
        int r = gateway_endpoints_sql_mappings_delete(db, x->id);

        if (r == 0)
                r = attach_all(j, db, x);
        return r != 0 ? r : set_fallback(j, x, NULL);
}

static int keep_models(struct job *j, struct gateway_endpoint *x) {
        static const struct json none = {.type = JSON_ARRAY};
        const struct json *ids;
        int r = old_ids(j, x->fallback_config, &ids);

        return r < 0 ? r : set_fallback(j, x, ids ? ids : &none);
}

static int run_update(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_endpoint x;
        int r = gateway_endpoints_sql_need(db, &j->refusal, in->id, NULL, &x);

        if (r != 0)
                return r;
        x.name = in->name ? in->name : x.name;
        x.usage_tracking = in->has_tracking ? in->tracking : x.usage_tracking;
        x.routing = in->routing ? in->routing : x.routing;
        x.updated_by = in->by ? in->by : x.updated_by;
        x.updated_at_ms = tracking_now_ms(j->tracking);
        r = set_experiment(j, db, &x);
        if (r == 0 && in->n_models > 0)
                r = replace_models(j, db, &x);
        else if (r == 0 && in->has_fallback)
                r = keep_models(j, &x);
        if (r != 0)
                return r;
        r = gateway_endpoints_sql_update(db, &x);
        if (r == DB_CONFLICT)
                return refuse_taken(j, x.name);
        return r < 0 ? r : write_answer(j, db, &x);
}

int gateway_endpoints_api_update(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "endpoint_id", ASK_NEED);
        in.name = ask_given(&q, "name");
        in.by = ask_given(&q, "updated_by");
        in.models = gateway_models_of_read_list(&q, "model_configs", 0, &in.n_models);
        read_rest(&q, &in);
        return job_write(&q, run_update, &in);
}

static int run_delete(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_endpoint x;
        int r = gateway_endpoints_sql_need(db, &j->refusal, in->id, NULL, &x);

        j->gone_type = ACCESS_GATEWAY_ENDPOINT;
        j->gone_id = in->id;
        return r != 0 ? r : gateway_endpoints_sql_delete(db, in->id);
}

int gateway_endpoints_api_delete(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "endpoint_id", ASK_NEED);
        return job_write(&q, run_delete, &in);
}
