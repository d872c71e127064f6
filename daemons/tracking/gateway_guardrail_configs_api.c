#include "daemons/tracking/gateway_guardrail_configs_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/gateway_guardrails_api.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/scorer_of.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

struct in {
        const char *endpoint_id, *id, *by;
        int64_t order;
        bool has_order;
};

/* --- who may --- */

static int scorer_levels(struct job *j, const struct scorer *x, const char **ret_key,
                         enum access_level *ret) {
        const struct access *a = j->refusal.access;
        char id[24];
        enum access_level on_experiment, on_scorer;
        const char *key = scorer_of_key(j->arena, x->experiment_id, x->name);

        if (!key)
                return -ENOMEM;
        snprintf(id, sizeof(id), "%" PRId64, x->experiment_id);
        on_experiment = access_level_on(a, ACCESS_EXPERIMENT, id);
        on_scorer = access_level_on(a, ACCESS_SCORER, key);
        *ret_key = key;
        *ret = on_experiment < on_scorer ? on_experiment : on_scorer;
        return 0;
}

/* At an endpoint a guardrail shows what judges: not to be put there by whom that is denied to, nor
 * by who guesses ids. 0, REFUSED or -errno. */
static int check_guardrail(struct job *j, struct db *db, const char *id) {
        struct gateway_guardrail x;
        enum access_level level;
        const char *key;
        int r = gateway_guardrails_sql_need(db, &j->refusal, id, &x);

        if (!j->refusal.access || r < 0)
                return r;
        if (r == 0)
                r = scorer_levels(j, &x.scorer, &key, &level);
        if (r < 0 || (r == 0 && !access_is_denied(j->refusal.access, ACCESS_SCORER, key)))
                return r;
        return refusal_set(&j->refusal, REFUSAL_PERMISSION_DENIED, "Permission denied.");
}

static int check_endpoint(struct job *j) {
        const struct in *in = j->in;

        return access_check(&j->refusal, ACCESS_GATEWAY_ENDPOINT, in->endpoint_id);
}

/* --- answers --- */

static int write_config(struct job *j, const struct gateway_guardrail_config *x) {
        enum access_level level = ACCESS_MANAGE;
        struct json_write *w = &j->json;
        const char *key;
        int r = j->refusal.access ? scorer_levels(j, &x->guardrail.scorer, &key, &level) : 0;

        json_write_kv_str(w, "endpoint_id", x->endpoint_id);
        json_write_kv_str(w, "guardrail_id", x->guardrail.id);
        if (x->has_order)
                json_write_kv_i64(w, "execution_order", x->order);
        json_write_kv_str(w, "created_by", x->created_by ? x->created_by : "");
        json_write_kv_i64(w, "created_at", x->created_at_ms);
        json_write_kv_object(w, "guardrail");
        gateway_guardrails_api_write(w, &x->guardrail, level >= ACCESS_READ);
        json_write_end(w);
        return r;
}

static int write_answer(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_guardrail_config x;
        int r = gateway_guardrails_sql_config_need(db, &j->refusal, in->endpoint_id, in->id, &x);

        if (r != 0)
                return r;
        json_write_kv_object(&j->json, "config");
        r = write_config(j, &x);
        json_write_end(&j->json);
        return r;
}

/* --- requests --- */

static void read_order(struct ask *q, struct in *in) {
        in->has_order = ask_i64(q, "execution_order", 0, &in->order);
        if (q->result == 0 && in->has_order && in->order != (int32_t) in->order)
                ask_refuse_value(q, "execution_order");
}

static void open_one(struct ask *q, struct http_request *req, struct in *in) {
        *in = (struct in){};
        ask_open(q, req);
        in->endpoint_id = ask_str(q, "endpoint_id", ASK_NEED);
        in->id = ask_str(q, "guardrail_id", ASK_NEED);
}

static int run_add(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_guardrail_config x = {
                .guardrail.id = in->id,
                .endpoint_id = in->endpoint_id,
                .created_by = in->by,
                .created_at_ms = tracking_now_ms(j->tracking),
                .order = in->order,
                .has_order = in->has_order,
        };
        int r = check_endpoint(j);

        if (r == 0)
                r = gateway_guardrails_sql_need_endpoint(db, &j->refusal, in->endpoint_id);
        if (r == 0)
                r = check_guardrail(j, db, in->id);
        if (r != 0)
                return r;
        r = gateway_guardrails_sql_config_insert(db, &x);
        if (r == DB_CONFLICT)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_ALREADY_EXISTS,
                                   "Guardrail '%s' is already added to endpoint '%s'", in->id,
                                   in->endpoint_id);
        return r < 0 ? r : write_answer(j, db);
}

int gateway_guardrail_configs_api_add(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        read_order(&q, &in);
        in.by = gateway_guardrails_api_user(&q);
        return job_write(&q, run_add, &in);
}

static int run_remove(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_guardrail_config x;
        int r = check_endpoint(j);

        if (r == 0)
                r = gateway_guardrails_sql_config_need(db, &j->refusal, in->endpoint_id, in->id,
                                                       &x);
        return r != 0 ? r : gateway_guardrails_sql_config_delete(db, in->endpoint_id, in->id);
}

int gateway_guardrail_configs_api_remove(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        return job_write(&q, run_remove, &in);
}

static int run_list(struct job *j, struct db *db) {
        const struct in *in = j->in;
        DB_USE struct db_stmt *s = NULL;
        struct gateway_guardrail_config x;
        int r = check_endpoint(j);

        if (r == 0)
                r = gateway_guardrails_sql_need_endpoint(db, &j->refusal, in->endpoint_id);
        if (r != 0)
                return r;
        s = gateway_guardrails_sql_config_list(db, in->endpoint_id);
        json_write_kv_items(&j->json, "configs");
        while ((r = db_step(s)) == DB_ROW) {
                json_write_object(&j->json);
                r = gateway_guardrails_sql_config_read(s, j->arena, &x);
                if (r == 0)
                        r = write_config(j, &x);
                if (r < 0)
                        return r;
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        return r;
}

int gateway_guardrail_configs_api_list(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.endpoint_id = ask_str(&q, "endpoint_id", ASK_NEED);
        return job_read(&q, run_list, &in);
}

/* Without an order it has none any more. */
static int run_update(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_guardrail_config x;
        int r = check_endpoint(j);

        if (r == 0 && j->refusal.access)
                r = check_guardrail(j, db, in->id);
        if (r == 0)
                r = gateway_guardrails_sql_config_need(db, &j->refusal, in->endpoint_id, in->id,
                                                       &x);
        if (r != 0)
                return r;
        x.order = in->order;
        x.has_order = in->has_order;
        r = gateway_guardrails_sql_config_update(db, &x);
        return r < 0 ? r : write_answer(j, db);
}

int gateway_guardrail_configs_api_update(struct http_request *req) {
        struct in in;
        struct ask q;

        open_one(&q, req, &in);
        read_order(&q, &in);
        return job_write(&q, run_update, &in);
}
