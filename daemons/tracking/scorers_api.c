#include "daemons/tracking/scorers_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/field_check.h"
#include "daemons/tracking/gateway_endpoints_sql.h"
#include "daemons/tracking/gateway_guardrails_sql.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/python_text.h"
#include "daemons/tracking/scorer_model.h"
#include "daemons/tracking/scorer_of.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum { SCORER_NAME_MAX = 256 };

struct in {
        const char *experiment_id, *name, *serialized;
        int64_t version; /* 0: the latest, or all */
};

/* --- reading --- */

static bool code_is_allowed(void) {
        const char *text = getenv("MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS");
        bool allowed = false;

        return text && str_to_bool(text, &allowed) == 0 && allowed;
}

static int check_serialized(struct ask *q, const char *text) {
        struct json *root = NULL;
        int r = json_parse_python_copy(q->arena, text, strlen(text), &root, NULL);

        if (r == -EINVAL)
                return refusal_invalid(&q->refusal, "serialized_scorer must be valid JSON");
        if (r < 0 || !scorer_model_brings_code(root) || code_is_allowed())
                return r;
        return refusal_invalid(&q->refusal,
                               "A scorer that brings code of its own cannot be registered here: it "
                               "would be run where scorers are. Set "
                               "MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS=true for the server if you "
                               "trust all who may register one.");
}

static int check_name(struct ask *q, const char *name) {
        const char *stripped = python_text_strip(q->arena, name);

        if (!stripped)
                return -ENOMEM;
        if (!*stripped)
                return refusal_invalid(&q->refusal,
                                       "Scorer name cannot be empty or contain only whitespace.");
        return field_check_length(&q->refusal, "name", SCORER_NAME_MAX, name);
}

static void open_one(struct ask *q, struct http_request *req, struct in *in) {
        *in = (struct in){};
        ask_open(q, req);
        in->experiment_id = ask_str(q, "experiment_id", ASK_NEED);
        in->name = ask_str(q, "name", ASK_NEED);
}

/* --- what is there --- */

/* Lists give it as Python would write it again, with its gateway's endpoint by its name. */
static int print_again(struct job *j, struct db *db, struct scorer *x) {
        return scorer_model_show(j, db, true, &x->serialized);
}

/* of_all: not of one that was looked at before. */
static int write_list(struct job *j, struct db *db, struct db_stmt *s, bool of_all) {
        struct scorer x;
        int r;

        json_write_kv_items(&j->json, "scorers");
        while ((r = db_step(s)) == DB_ROW) {
                r = scorers_sql_read(s, j->arena, &x);
                if (r == 0 && of_all)
                        r = scorer_of_check(j, &x);
                if (r < 0)
                        return r;
                if (r == REFUSED) /* not this one's to see */
                        continue;
                r = print_again(j, db, &x);
                if (r < 0)
                        return r;
                json_write_object(&j->json);
                scorer_of_write(&j->json, &x);
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        return r;
}

/* --- the calls --- */

static int new_scorer(struct job *j, struct db *db, const struct scorer *x, const char **ret_id) {
        char hex[ENTROPY_ID_SIZE];
        struct scorer made = *x;
        int r = entropy_id(j->tracking->entropy, hex);

        if (r < 0)
                return r;
        made.id = arena_printf(j->arena, "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16,
                               hex + 20);
        *ret_id = made.id;
        return made.id ? scorers_sql_insert(db, &made) : -ENOMEM;
}

/* In place of the endpoint that an earlier version asked. */
static int bind_endpoint(struct db *db, const struct scorer *x, const char *endpoint_id) {
        const struct gateway_binding b = {
                .endpoint_id = endpoint_id,
                .type = GATEWAY_ENDPOINTS_SQL_SCORER,
                .id = x->id,
                .display_name = x->name,
                .created_at_ms = x->created_at_ms,
                .updated_at_ms = x->created_at_ms,
        };
        int r = gateway_endpoints_sql_bindings_delete(db, b.type, b.id);

        return r < 0 ? r : gateway_endpoints_sql_binding_insert(db, &b);
}

static int run_register(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct scorer x = {.name = in->name, .serialized = in->serialized};
        struct experiment e;
        const char *key, *endpoint_id;
        int r = scorer_of_experiment(j, db, in->experiment_id, &e);

        if (r != 0)
                return r;
        key = scorer_of_key(j->arena, e.id, in->name);
        if (!key)
                return -ENOMEM;
        if (access_is_denied(j->refusal.access, ACCESS_SCORER, key))
                return refusal_set(&j->refusal, REFUSAL_PERMISSION_DENIED, "Permission denied.");
        r = scorer_model_keep(j, db, &x.serialized, &endpoint_id);
        if (r != 0)
                return r;
        x.experiment_id = e.id;
        x.created_at_ms = tracking_now_ms(j->tracking);
        r = scorers_sql_get(db, j->arena, e.id, in->name, &x.id);
        if (r == DB_DONE) {
                r = new_scorer(j, db, &x, &x.id);
                j->made_type = ACCESS_SCORER;
                j->made_id = key;
        }
        if (r >= 0)
                r = scorers_sql_last(db, x.id, &x.version);
        if (r < 0)
                return r;
        x.version++;
        r = scorers_sql_version_insert(db, &x);
        if (r == 0 && endpoint_id)
                r = bind_endpoint(db, &x, endpoint_id);
        if (r == 0)
                r = scorer_model_show(j, db, false, &x.serialized);
        json_write_kv_i64(&j->json, "version", x.version);
        json_write_kv_str(&j->json, "scorer_id", x.id);
        json_write_kv_i64_text(&j->json, "experiment_id", x.experiment_id);
        json_write_kv_str(&j->json, "name", x.name);
        json_write_kv_str(&j->json, "serialized_scorer", x.serialized);
        json_write_kv_i64(&j->json, "creation_time", x.created_at_ms);
        return r;
}

int scorers_api_register(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        in.serialized = ask_str(&q, "serialized_scorer", ASK_NEED);
        if (q.result == 0)
                ask_check(&q, check_serialized(&q, in.serialized));
        if (q.result == 0)
                ask_check(&q, check_name(&q, in.name));
        return job_write(&q, run_register, &in);
}

static int run_list(struct job *j, struct db *db) {
        const struct in *in = j->in;
        DB_USE struct db_stmt *s = NULL;
        struct experiment e = {.id = -1};
        int r = 0;

        if (!str_empty(in->experiment_id))
                r = scorer_of_experiment(j, db, in->experiment_id, &e);
        if (r != 0)
                return r;
        s = scorers_sql_list(db, e.id);
        return write_list(j, db, s, e.id < 0);
}

int scorers_api_list(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.experiment_id = ask_str(&q, "experiment_id", 0);
        return job_read(&q, run_list, &in);
}

static int run_versions(struct job *j, struct db *db) {
        DB_USE struct db_stmt *s = NULL;
        const struct in *in = j->in;
        const char *id, *key;
        int r = scorer_of_need(j, db, in->experiment_id, in->name, &id, &key);

        if (r != 0)
                return r;
        s = scorers_sql_versions(db, id);
        return write_list(j, db, s, false);
}

int scorers_api_versions(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        return job_read(&q, run_versions, &in);
}

static int run_get(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct scorer x;
        const char *id, *key;
        int r = scorer_of_need(j, db, in->experiment_id, in->name, &id, &key);

        if (r != 0)
                return r;
        r = scorers_sql_version(db, j->arena, id, in->version, &x);
        if (r != DB_ROW)
                return r == DB_DONE ? scorer_of_absent(j, in->experiment_id, in->name, in->version)
                                    : r;
        r = scorer_model_show(j, db, false, &x.serialized);
        json_write_kv_object(&j->json, "scorer");
        scorer_of_write(&j->json, &x);
        json_write_end(&j->json);
        return r;
}

int scorers_api_get(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        ask_i64(&q, "version", 0, &in.version);
        return job_read(&q, run_get, &in);
}

static int run_delete(struct job *j, struct db *db) {
        const struct in *in = j->in;
        const char *id, *key;
        int64_t n = 0;
        int r = scorer_of_need(j, db, in->experiment_id, in->name, &id, &key);

        if (r != 0)
                return r;
        if (!in->version) {
                j->gone_type = ACCESS_SCORER;
                j->gone_id = key;
                r = gateway_guardrails_sql_check_unused(db, &j->refusal, id, 0);
                if (r == 0)
                        r = gateway_endpoints_sql_bindings_delete(db, GATEWAY_ENDPOINTS_SQL_SCORER,
                                                                  id);
                return r != 0 ? r : scorers_sql_delete(db, id);
        }
        r = gateway_guardrails_sql_check_unused(db, &j->refusal, id, in->version);
        if (r == 0)
                r = scorers_sql_version_delete(db, id, in->version, &n);
        return r == 0 && n == 0 ? scorer_of_absent(j, in->experiment_id, in->name, in->version) : r;
}

int scorers_api_delete(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        ask_i64(&q, "version", 0, &in.version);
        return job_write(&q, run_delete, &in);
}
