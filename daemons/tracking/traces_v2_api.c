#include "daemons/tracking/traces_v2_api.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/field_check.h"
#include "daemons/tracking/traces_start.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

struct v2 {
        const char *id;
        struct traces_json_given given;
        const char *status; /* NULL: not said */
        int64_t end_at_ms;
};

/* A list of {key, value} as an object of strings. 0 or -ENOMEM. */
static int read_pairs(struct ask *q, const char *key, const struct json **ret) {
        size_t n = 0;
        struct ask_pair *pairs = ask_pairs(q, key, &n);
        struct json *object = arena_new(q->arena, struct json), **last;
        struct json *nodes = arena_zalloc_array(q->arena, n + 1, sizeof(*nodes));

        if (!object || !nodes)
                return -ENOMEM;
        object->type = JSON_OBJECT;
        last = &object->child;
        for (size_t i = 0; i < n; i++) {
                nodes[i] = (struct json){.type = JSON_STRING,
                                         .str = pairs[i].value,
                                         .len = (uint32_t) strlen(pairs[i].value),
                                         .key = pairs[i].key};
                nodes[i].key_len = (unsigned) strlen(pairs[i].key) & 0xffffff;
                *last = &nodes[i];
                last = &nodes[i].next;
                object->len++;
        }
        *ret = object;
        return 0;
}

static void read_common(struct ask *q, struct v2 *in) {
        const struct json *name, *session, *tokens, *cost;
        struct trace *t = &in->given.trace;

        ask_check(q, read_pairs(q, "request_metadata", &in->given.metadata));
        ask_check(q, read_pairs(q, "tags", &in->given.tags));
        if (q->result != 0)
                return;
        name = json_get(in->given.tags, "mlflow.traceName");
        session = json_get(in->given.metadata, "mlflow.trace.session");
        tokens = json_get(in->given.metadata, "mlflow.trace.tokenUsage");
        cost = json_get(in->given.metadata, "mlflow.trace.cost");
        t->name = name ? name->str : NULL;
        t->session = session ? session->str : NULL;
        if (tokens)
                ask_check(q, traces_json_read_usage(q->arena, tokens->str, t));
        if (cost)
                ask_check(q, traces_json_read_cost(q->arena, cost->str, t));
}

static int write_answer(struct job *j, struct db *db, const struct trace *t) {
        int r;

        json_write_kv_object(&j->json, "trace_info");
        r = traces_json_write_v2(&j->json, db, t);
        json_write_end(&j->json);
        return r;
}

static int run_start(struct job *j, struct db *db) {
        const struct v2 *in = j->in;
        struct trace t;
        int r = traces_start_v2(j, db, &in->given, &t);

        return r != 0 ? r : write_answer(j, db, &t);
}

int traces_v2_api_start(struct http_request *req) {
        const struct tracking *tracking = req->ctx;
        char id[ENTROPY_ID_SIZE];
        const char *experiment;
        struct v2 in = {};
        struct ask q;

        ask_open(&q, req);
        experiment = ask_str(&q, "experiment_id", 0);
        ask_i64(&q, "timestamp_ms", 0, &in.given.trace.at_ms);
        read_common(&q, &in);
        in.given.trace.status = "IN_PROGRESS";
        if (q.result == 0)
                ask_check(&q, field_check_experiment_id(&q.refusal, experiment ? experiment : "",
                                                        &in.given.trace.experiment_id));
        if (q.result == 0)
                ask_check(&q, entropy_id(tracking->entropy, id));
        if (q.result == 0) {
                in.given.trace.id = arena_strdup(q.arena, id);
                if (!in.given.trace.id)
                        ask_check(&q, -ENOMEM);
        }
        return job_write(&q, run_start, &in);
}

static int run_end(struct job *j, struct db *db) {
        const struct v2 *in = j->in;
        const struct trace *given = &in->given.trace;
        struct traces_json_given all = in->given;
        struct trace t;
        int r = traces_sql_need(db, &j->refusal, in->id, &t);

        if (r != 0)
                return r;
        t.has_took = true;
        if (__builtin_sub_overflow(in->end_at_ms, t.at_ms, &t.took_ms))
                t.took_ms = in->end_at_ms < t.at_ms ? INT64_MIN : INT64_MAX;
        t.status = in->status ? in->status : t.status;
        t.name = given->name ? given->name : t.name;
        t.session = given->session ? given->session : t.session;
        for (size_t i = 0; i < TRACES_SQL_TOKENS; i++)
                if (given->has_tokens[i]) {
                        t.has_tokens[i] = true;
                        t.tokens[i] = given->tokens[i];
                }
        for (size_t i = 0; i < TRACES_SQL_COSTS; i++)
                if (given->has_costs[i]) {
                        t.has_costs[i] = true;
                        t.costs[i] = given->costs[i];
                }
        all.trace = t;
        r = traces_sql_update(db, &t);
        if (r == 0)
                r = traces_start_pairs(j, db, &all);
        return r != 0 ? r : write_answer(j, db, &t);
}

int traces_v2_api_end(struct http_request *req) {
        static const char *const states[] = {"TRACE_STATUS_UNSPECIFIED", "OK", "ERROR",
                                             "IN_PROGRESS"};
        struct v2 in = {.id = http_request_param(req, "trace_id")};
        int64_t status;
        struct ask q;

        ask_open(&q, req);
        ask_i64(&q, "timestamp_ms", 0, &in.end_at_ms);
        if (ask_enum(&q, "status", 0, states, ARRAY_SIZE(states), &status))
                in.status = status == 0 ? "STATE_UNSPECIFIED" : states[status];
        read_common(&q, &in);
        return job_write(&q, run_end, &in);
}

static int run_info(struct job *j, struct db *db) {
        const struct v2 *in = j->in;
        struct trace t;
        int r = traces_sql_need(db, &j->refusal, in->id, &t);

        return r != 0 ? r : write_answer(j, db, &t);
}

int traces_v2_api_info(struct http_request *req) {
        struct v2 in = {.id = http_request_param(req, "trace_id")};
        struct ask q;

        ask_open(&q, req);
        return job_read(&q, run_info, &in);
}
