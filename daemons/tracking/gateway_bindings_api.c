#include "daemons/tracking/gateway_bindings_api.h"

#include <errno.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/gateway_models_of.h"
#include "daemons/tracking/job.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum { ID_MAX = 255, TAG_KEY_MAX = 250, TAG_VALUE_MAX = 5000 };

struct in {
        const char *endpoint_id, *model_id, *type, *id, *by, *key, *value;
        struct gateway_mapping model;
};

static int need_endpoint(struct job *j, struct db *db, struct gateway_endpoint *ret) {
        const struct in *in = j->in;

        return gateway_endpoints_sql_need(db, &j->refusal, in->endpoint_id, NULL, ret);
}

/* --- models --- */

static int run_attach(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_mapping m = in->model;
        struct gateway_endpoint e;
        int r = need_endpoint(j, db, &e);

        if (r != 0)
                return r;
        m.endpoint_id = e.id;
        m.created_by = in->by;
        r = gateway_models_of_attach(j, db, &m);
        if (r != 0)
                return r;
        e.updated_at_ms = m.created_at_ms;
        e.updated_by = in->by ? in->by : e.updated_by;
        r = gateway_endpoints_sql_update(db, &e);
        if (r != 0)
                return r < 0 ? r : -EUCLEAN;
        json_write_kv_object(&j->json, "mapping");
        r = gateway_models_of_write(j, db, &m);
        json_write_end(&j->json);
        return r;
}

int gateway_bindings_api_attach(struct http_request *req) {
        const struct json *model;
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.endpoint_id = ask_str(&q, "endpoint_id", ASK_NEED);
        model = q.body ? json_get(q.body, "model_config") : NULL;
        if (!json_is(model, JSON_OBJECT))
                (void) ask_str(&q, "model_config", ASK_NEED); /* refuses as absent or of a type */
        in.by = ask_given(&q, "created_by");
        if (q.result == 0)
                gateway_models_of_read(&q, model, "model_config", &in.model);
        if (q.result == 0 && in.by)
                ask_check(&q, field_check_length(&q.refusal, "created_by", ID_MAX, in.by));
        return job_write(&q, run_attach, &in);
}

static int run_detach(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_endpoint e;
        int r = need_endpoint(j, db, &e);

        if (r != 0)
                return r;
        r = gateway_endpoints_sql_mapping_has(db, e.id, in->model_id);
        if (r == DB_DONE)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "Model definition '%s' is not attached to endpoint '%s'",
                                   in->model_id, e.id);
        return r < 0 ? r : gateway_endpoints_sql_mapping_delete(db, e.id, in->model_id);
}

int gateway_bindings_api_detach(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.endpoint_id = ask_str(&q, "endpoint_id", ASK_NEED);
        in.model_id = ask_str(&q, "model_definition_id", ASK_NEED);
        return job_write(&q, run_detach, &in);
}

/* --- bindings --- */

static void write_binding(struct json_write *w, const struct gateway_binding *x) {
        json_write_kv_str(w, "endpoint_id", x->endpoint_id);
        json_write_kv_str(w, "resource_type", x->type);
        json_write_kv_str(w, "resource_id", x->id);
        json_write_kv_i64(w, "created_at", x->created_at_ms);
        json_write_kv_i64(w, "last_updated_at", x->updated_at_ms);
        if (x->created_by)
                json_write_kv_str(w, "created_by", x->created_by);
        if (x->updated_by)
                json_write_kv_str(w, "last_updated_by", x->updated_by);
        if (x->display_name)
                json_write_kv_str(w, "display_name", x->display_name);
}

static void read_binding(struct ask *q, struct http_request *req, struct in *in) {
        ask_open(q, req);
        in->endpoint_id = ask_str(q, "endpoint_id", ASK_NEED);
        in->type = ask_str(q, "resource_type", ASK_NEED);
        in->id = ask_str(q, "resource_id", ASK_NEED);
}

static int run_create(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_binding x = {
                .endpoint_id = in->endpoint_id,
                .type = in->type,
                .id = in->id,
                .created_by = in->by,
                .updated_by = in->by,
                .created_at_ms = tracking_now_ms(j->tracking),
        };
        struct gateway_endpoint e;
        int r = need_endpoint(j, db, &e);

        if (r != 0)
                return r;
        x.updated_at_ms = x.created_at_ms;
        r = gateway_endpoints_sql_binding_insert(db, &x);
        if (r == DB_CONFLICT)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_ALREADY_EXISTS,
                                   "The %s '%s' is already bound to endpoint '%s'", x.type, x.id,
                                   e.id);
        json_write_kv_object(&j->json, "binding");
        write_binding(&j->json, &x);
        json_write_end(&j->json);
        return r;
}

int gateway_bindings_api_create(struct http_request *req) {
        struct in in = {};
        struct ask q;

        read_binding(&q, req, &in);
        in.by = ask_given(&q, "created_by");
        if (q.result == 0 && !str_eq(in.type, GATEWAY_ENDPOINTS_SQL_SCORER))
                ask_check(&q, refusal_invalid(&q.refusal,
                                              "Invalid value '%s' for parameter 'resource_type'. "
                                              "Must be one of: " GATEWAY_ENDPOINTS_SQL_SCORER ".",
                                              in.type));
        if (q.result == 0)
                ask_check(&q, field_check_length(&q.refusal, "resource_id", ID_MAX, in.id));
        if (q.result == 0 && in.by)
                ask_check(&q, field_check_length(&q.refusal, "created_by", ID_MAX, in.by));
        return job_write(&q, run_create, &in);
}

static bool is_asked_for(const struct in *in, const struct gateway_binding *x) {
        return (!in->endpoint_id || str_eq(in->endpoint_id, x->endpoint_id)) &&
               (!in->type || str_eq(in->type, x->type)) && (!in->id || str_eq(in->id, x->id));
}

/* Of one endpoint: who may read it; of all: administrators. */
static int check_list(struct job *j) {
        const struct in *in = j->in;

        if (in->endpoint_id)
                return access_check(&j->refusal, ACCESS_GATEWAY_ENDPOINT, in->endpoint_id);
        if (!j->refusal.access)
                return 0;
        return refusal_set(&j->refusal, REFUSAL_PERMISSION_DENIED, "Permission denied.");
}

static int run_list(struct job *j, struct db *db) {
        DB_USE struct db_stmt *s = NULL;
        struct gateway_binding x;
        int r = check_list(j);

        if (r != 0)
                return r;
        s = gateway_endpoints_sql_bindings(db);
        json_write_kv_items(&j->json, "bindings");
        while ((r = db_step(s)) == DB_ROW) {
                r = gateway_endpoints_sql_binding_read(s, j->arena, &x);
                if (r < 0)
                        return r;
                if (!is_asked_for(j->in, &x))
                        continue;
                json_write_object(&j->json);
                write_binding(&j->json, &x);
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        return r;
}

int gateway_bindings_api_list(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.endpoint_id = ask_given(&q, "endpoint_id");
        in.type = ask_given(&q, "resource_type");
        in.id = ask_given(&q, "resource_id");
        return job_read(&q, run_list, &in);
}

static int run_delete(struct job *j, struct db *db) {
        const struct in *in = j->in;
        const struct gateway_binding x = {
                .endpoint_id = in->endpoint_id, .type = in->type, .id = in->id};
        int r = access_check(&j->refusal, ACCESS_GATEWAY_ENDPOINT, in->endpoint_id);

        if (r != 0)
                return r;
        r = gateway_endpoints_sql_binding_has(db, &x);
        if (r == DB_DONE)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "GatewayEndpointBinding not found (endpoint_id='%s', "
                                   "resource_type='%s', resource_id='%s')",
                                   x.endpoint_id, x.type, x.id);
        return r < 0 ? r : gateway_endpoints_sql_binding_delete(db, &x);
}

int gateway_bindings_api_delete(struct http_request *req) {
        struct in in = {};
        struct ask q;

        read_binding(&q, req, &in);
        return job_write(&q, run_delete, &in);
}

/* --- tags --- */

static int run_set_tag(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_endpoint e;
        int r = need_endpoint(j, db, &e);

        return r != 0 ? r : gateway_endpoints_sql_tag_set(db, e.id, in->key, in->value);
}

int gateway_bindings_api_set_tag(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.endpoint_id = ask_str(&q, "endpoint_id", ASK_NEED);
        in.key = ask_str(&q, "key", ASK_NEED);
        in.value = ask_text(&q, "value");
        if (q.result == 0)
                ask_check(&q, field_check_length(&q.refusal, "key", TAG_KEY_MAX, in.key));
        if (q.result == 0)
                ask_check(&q, field_check_length(&q.refusal, "value", TAG_VALUE_MAX, in.value));
        return job_write(&q, run_set_tag, &in);
}

static int run_delete_tag(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_endpoint e;
        int r = need_endpoint(j, db, &e);

        return r != 0 ? r : gateway_endpoints_sql_tag_delete(db, e.id, in->key);
}

int gateway_bindings_api_delete_tag(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.endpoint_id = ask_str(&q, "endpoint_id", ASK_NEED);
        in.key = ask_str(&q, "key", ASK_NEED);
        return job_write(&q, run_delete_tag, &in);
}
