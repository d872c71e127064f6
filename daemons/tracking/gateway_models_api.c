#include "daemons/tracking/gateway_models_api.h"

#include <errno.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/gateway_models_sql.h"
#include "daemons/tracking/gateway_secrets_sql.h"
#include "daemons/tracking/job.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum { GATEWAY_NAME_MAX = 255, PROVIDER_MAX = 64, MODEL_NAME_MAX = 256 };

struct in {
        const char *id, *name, *secret_id, *provider, *model_name, *by;
};

/* --- reading --- */

static void check_lengths(struct ask *q, const struct in *in) {
        const struct {
                const char *what, *value;
                size_t max;
        } rows[] = {
                {"name", in->name, GATEWAY_NAME_MAX},
                {"provider", in->provider, PROVIDER_MAX},
                {"model_name", in->model_name, MODEL_NAME_MAX},
                {"created_by", in->by, GATEWAY_NAME_MAX},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (q->result == 0 && rows[i].value)
                        ask_check(q, field_check_length(&q->refusal, rows[i].what, rows[i].max,
                                                        rows[i].value));
}

/* --- writing --- */

void gateway_models_api_write(struct json_write *w, const struct gateway_model *x) {
        json_write_kv_str(w, "model_definition_id", x->id);
        json_write_kv_str(w, "name", x->name);
        if (x->secret_id)
                json_write_kv_str(w, "secret_id", x->secret_id);
        if (x->secret_name)
                json_write_kv_str(w, "secret_name", x->secret_name);
        json_write_kv_str(w, "provider", x->provider);
        json_write_kv_str(w, "model_name", x->model_name);
        json_write_kv_i64(w, "created_at", x->created_at_ms);
        json_write_kv_i64(w, "last_updated_at", x->updated_at_ms);
        if (x->created_by)
                json_write_kv_str(w, "created_by", x->created_by);
        if (x->updated_by)
                json_write_kv_str(w, "last_updated_by", x->updated_by);
}

static int write_answer(struct job *j, const struct gateway_model *x) {
        json_write_kv_object(&j->json, "model_definition");
        gateway_models_api_write(&j->json, x);
        json_write_end(&j->json);
        return 0;
}

static int refuse_taken(struct job *j, const char *name) {
        return refusal_set(&j->refusal, REFUSAL_RESOURCE_ALREADY_EXISTS,
                           "Model definition with name '%s' already exists", name);
}

static int run_create(struct job *j, struct db *db) {
        const struct in *in = j->in;
        char id[2 + ENTROPY_ID_SIZE] = "d-";
        struct gateway_secret secret;
        struct gateway_model x = {
                .name = in->name,
                .secret_id = in->secret_id,
                .provider = in->provider,
                .model_name = in->model_name,
                .created_by = in->by,
                .updated_by = in->by,
                .created_at_ms = tracking_now_ms(j->tracking),
        };
        int r = gateway_secrets_sql_need_use(db, &j->refusal, in->secret_id, &secret);

        if (r == 0)
                r = entropy_id(j->tracking->entropy, id + 2);
        if (r != 0)
                return r;
        x.id = arena_strdup(j->arena, id);
        x.updated_at_ms = x.created_at_ms;
        x.secret_name = secret.name;
        r = x.id ? gateway_models_sql_insert(db, &x) : -ENOMEM;
        if (r == DB_CONFLICT)
                return refuse_taken(j, in->name);
        j->made_type = ACCESS_GATEWAY_MODEL;
        j->made_id = x.id;
        return r < 0 ? r : write_answer(j, &x);
}

int gateway_models_api_create(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.secret_id = ask_str(&q, "secret_id", ASK_NEED);
        in.provider = ask_str(&q, "provider", ASK_NEED);
        in.model_name = ask_str(&q, "model_name", ASK_NEED);
        in.by = ask_given(&q, "created_by");
        check_lengths(&q, &in);
        return job_write(&q, run_create, &in);
}

static int run_get(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_model x;
        int r = gateway_models_sql_need(db, &j->refusal, in->id, &x);

        return r != 0 ? r : write_answer(j, &x);
}

int gateway_models_api_get(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "model_definition_id", ASK_NEED);
        return job_read(&q, run_get, &in);
}

static bool is_asked_for(const struct job *j, const struct gateway_model *x) {
        const struct in *in = j->in;

        return (!in->provider || str_eq(in->provider, x->provider)) &&
               (!in->secret_id || str_eq(in->secret_id, x->secret_id)) &&
               access_level_on(j->refusal.access, ACCESS_GATEWAY_MODEL, x->id) >= ACCESS_READ;
}

static int run_list(struct job *j, struct db *db) {
        DB_USE struct db_stmt *s = gateway_models_sql_list(db);
        struct gateway_model x;
        int r;

        json_write_kv_items(&j->json, "model_definitions");
        while ((r = db_step(s)) == DB_ROW) {
                r = gateway_models_sql_read(s, j->arena, &x);
                if (r < 0)
                        return r;
                if (!is_asked_for(j, &x))
                        continue;
                json_write_object(&j->json);
                gateway_models_api_write(&j->json, &x);
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        return r;
}

int gateway_models_api_list(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.provider = ask_given(&q, "provider");
        in.secret_id = ask_given(&q, "secret_id");
        return job_read(&q, run_list, &in);
}

static int change_secret(struct job *j, struct db *db, struct gateway_model *x) {
        const struct in *in = j->in;
        struct gateway_secret secret;
        int r = gateway_secrets_sql_need_use(db, &j->refusal, in->secret_id, &secret);

        if (r != 0)
                return r;
        x->secret_id = secret.id;
        x->secret_name = secret.name;
        return 0;
}

static int run_update(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_model x;
        int r = gateway_models_sql_need(db, &j->refusal, in->id, &x);

        if (r == 0 && in->secret_id)
                r = change_secret(j, db, &x);
        if (r != 0)
                return r;
        x.name = in->name ? in->name : x.name;
        x.provider = in->provider ? in->provider : x.provider;
        x.model_name = in->model_name ? in->model_name : x.model_name;
        x.updated_by = in->by ? in->by : x.updated_by;
        x.updated_at_ms = tracking_now_ms(j->tracking);
        r = gateway_models_sql_update(db, &x);
        if (r == DB_CONFLICT)
                return refuse_taken(j, x.name);
        return r < 0 ? r : write_answer(j, &x);
}

int gateway_models_api_update(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "model_definition_id", ASK_NEED);
        in.name = ask_given(&q, "name");
        in.secret_id = ask_given(&q, "secret_id");
        in.model_name = ask_given(&q, "model_name");
        in.by = ask_given(&q, "updated_by");
        in.provider = ask_given(&q, "provider");
        check_lengths(&q, &in);
        return job_write(&q, run_update, &in);
}

static int run_delete(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_model x;
        int r = gateway_models_sql_need(db, &j->refusal, in->id, &x);

        if (r != 0)
                return r;
        r = gateway_models_sql_in_use(db, in->id);
        if (r == DB_ROW)
                return refusal_set(&j->refusal, REFUSAL_INVALID_STATE,
                                   "Cannot delete model definition that is currently in use by "
                                   "endpoints. Detach it from all endpoints first.");
        j->gone_type = ACCESS_GATEWAY_MODEL;
        j->gone_id = in->id;
        return r < 0 ? r : gateway_models_sql_delete(db, in->id);
}

int gateway_models_api_delete(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "model_definition_id", ASK_NEED);
        return job_write(&q, run_delete, &in);
}
