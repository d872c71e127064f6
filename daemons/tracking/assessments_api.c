#include "daemons/tracking/assessments_api.h"

#include <errno.h>
#include <string.h>

#include "daemons/tracking/assessments_json.h"
#include "daemons/tracking/job.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum update { NAME = 1 << 0, VALUE = 1 << 1, RATIONALE = 1 << 2, METADATA = 1 << 3 };

struct one {
        const char *trace_id, *id;
        const struct json *body;
        struct assessment given;
        unsigned updates; /* enum update */
};

static void open_one(struct ask *q, struct http_request *req, struct one *in) {
        ask_open(q, req);
        in->trace_id = http_request_param(req, "trace_id");
        in->id = http_request_param(req, "assessment_id");
}

static int write_answer(struct job *j, const struct assessment *x) {
        int r;

        json_write_kv_object(&j->json, "assessment");
        r = assessments_json_write(&j->json, j->arena, x);
        json_write_end(&j->json);
        return r;
}

static const struct json *need_assessment(struct ask *q) {
        const struct json *j = q->body ? json_get(q->body, "assessment") : NULL;

        if (q->result == 0 && !json_is(j, JSON_OBJECT))
                ask_check(q, refusal_invalid(&q->refusal,
                                             "Missing value for required parameter 'assessment'. "
                                             "See the API docs for more information about request "
                                             "parameters."));
        return j;
}

static int run_create(struct job *j, struct db *db) {
        const struct one *in = j->in;
        struct assessment x = in->given;
        struct trace t;
        int64_t n = 0;
        int r = traces_sql_need(db, &j->refusal, in->trace_id, &t);

        if (r != 0)
                return r;
        x.trace_id = t.id;
        if (x.overrides) {
                r = assessments_sql_set_valid(db, t.id, x.overrides, false, &n);
                if (r == 0 && n == 0)
                        r = refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                        "Assessment with ID '%s' not found for trace '%s'",
                                        x.overrides, t.id);
        }
        if (r == 0)
                r = assessments_sql_insert(db, &t, &x);
        if (r == DB_CONFLICT)
                return refusal_set(&j->refusal, REFUSAL_INTERNAL_ERROR,
                                   "Failed to create assessment for trace '%s' due to a constraint "
                                   "violation.",
                                   t.id);
        return r != 0 ? r : write_answer(j, &x);
}

int assessments_api_create(struct http_request *req) {
        const struct tracking *t = req->ctx;
        char id[ENTROPY_ID_SIZE];
        struct one in = {};
        struct ask q;

        open_one(&q, req, &in);
        in.body = need_assessment(&q);
        if (q.result == 0)
                ask_check(&q, assessments_json_read(&q.refusal, in.body, tracking_now_ms(t),
                                                    &in.given));
        if (q.result == 0 && !in.given.id) {
                ask_check(&q, entropy_id(t->entropy, id));
                in.given.id = arena_printf(q.arena, "a-%s", id);
                if (!in.given.id)
                        ask_check(&q, -ENOMEM);
        }
        return job_write(&q, run_create, &in);
}

static int need(struct job *j, struct db *db, const struct one *in, struct assessment *ret) {
        struct trace t;
        int r = assessments_sql_get(db, in->trace_id, in->id, j->arena, ret);

        if (r != DB_DONE)
                return r < 0 ? r : 0;
        r = traces_sql_get(db, in->trace_id, j->arena, &t);
        if (r == DB_DONE)
                return refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "Trace with request_id '%s' not found", in->trace_id);
        return r < 0 ? r
                     : refusal_set(&j->refusal, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                                   "Assessment with ID '%s' not found for trace '%s'", in->id,
                                   in->trace_id);
}

static int run_get(struct job *j, struct db *db) {
        struct assessment x;
        int r = need(j, db, j->in, &x);

        return r != 0 ? r : write_answer(j, &x);
}

int assessments_api_get(struct http_request *req) {
        struct one in = {};
        struct ask q;

        open_one(&q, req, &in);
        return job_read(&q, run_get, &in);
}

/* What is given is added to what is there. */
static int merge_metadata(struct job *j, const struct json *given, struct assessment *x) {
        _cleanup_buf_ struct buf out = {};
        const struct json *item;
        struct json *old = NULL;
        struct json_write w;

        if (x->metadata &&
            json_parse_copy(j->arena, x->metadata, strlen(x->metadata), &old, NULL) < 0)
                return -ENOMEM;
        json_write_init(&w, &out, JSON_WRITE_SPACED | JSON_WRITE_ASCII);
        json_write_object(&w);
        json_each (item, old) {
                if (item->key && !json_get(given, item->key))
                        json_write_kv_node(&w, item->key, item);
        }
        json_each (item, given) {
                if (item->key) /* a list is no metadata */
                        json_write_kv_node(&w, item->key, item);
        }
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        x->metadata = out.len > 2 ? arena_strndup(j->arena, buf_cstr(&out), out.len) : NULL;
        return out.len > 2 && !x->metadata ? -ENOMEM : 0;
}

static int update_value(struct job *j, const struct one *in, struct assessment *x) {
        if (!str_eq(in->given.type, x->type))
                return refusal_invalid(&j->refusal, "Cannot update %s value on a%s assessment.",
                                       in->given.type,
                                       str_eq(x->type, "feedback") ? " Feedback" : "n Expectation");
        x->value = in->given.value;
        x->error = in->given.error;
        return 0;
}

static int run_update(struct job *j, struct db *db) {
        const struct one *in = j->in;
        struct assessment x;
        int r = need(j, db, in, &x);

        if (r == 0 && in->updates & VALUE)
                r = update_value(j, in, &x);
        if (r == 0)
                r = assessments_json_aggregate(j->arena, &x);
        if (r == 0 && in->updates & METADATA)
                r = merge_metadata(j, json_get(in->body, "metadata"), &x);
        if (r != 0)
                return r;
        if (in->updates & NAME)
                x.name = in->given.name;
        if (in->updates & RATIONALE && str_eq(x.type, "feedback"))
                x.rationale = in->given.rationale ? in->given.rationale : "";
        x.updated_at_ms = tracking_now_ms(j->tracking);
        r = assessments_sql_update(db, &x);
        return r != 0 ? r : write_answer(j, &x);
}

/* "assessmentName,feedback": protobuf's FieldMask in JSON. */
static unsigned read_mask(const char *mask) {
        static const struct {
                const char *name;
                unsigned update;
        } known[] = {
                {"assessmentName", NAME}, {"assessment_name", NAME}, {"feedback", VALUE},
                {"expectation", VALUE},   {"rationale", RATIONALE},  {"metadata", METADATA},
        };
        unsigned updates = 0;
        const char *word;
        size_t n;

        while (str_word(&mask, ",", &word, &n))
                for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                        if (strlen(known[i].name) == n && memcmp(known[i].name, word, n) == 0)
                                updates |= known[i].update;
        return updates;
}

int assessments_api_update(struct http_request *req) {
        struct one in = {};
        const char *mask;
        struct ask q;

        open_one(&q, req, &in);
        in.body = need_assessment(&q);
        mask = ask_str(&q, "update_mask", ASK_NEED);
        if (q.result == 0) {
                const struct json *name = json_get(in.body, "assessment_name");
                const struct json *rationale = json_get(in.body, "rationale");

                in.updates = read_mask(mask);
                in.given.name = json_is(name, JSON_STRING) ? name->str : "";
                in.given.rationale = json_is(rationale, JSON_STRING) ? rationale->str : NULL;
                if (in.updates & VALUE)
                        ask_check(&q, assessments_json_read_value(&q.refusal, in.body, &in.given));
        }
        return job_write(&q, run_update, &in);
}

static int run_delete(struct job *j, struct db *db) {
        const struct one *in = j->in;
        struct assessment x;
        struct trace t;
        int64_t n;
        int r = traces_sql_need(db, &j->refusal, in->trace_id, &t);

        if (r != 0)
                return r;
        r = assessments_sql_get(db, in->trace_id, in->id, j->arena, &x);
        if (r != DB_ROW) /* gone is gone */
                return r;
        r = x.overrides ? assessments_sql_set_valid(db, in->trace_id, x.overrides, true, &n) : 0;
        return r < 0 ? r : assessments_sql_delete(db, in->trace_id, in->id);
}

int assessments_api_delete(struct http_request *req) {
        struct one in = {};
        struct ask q;

        open_one(&q, req, &in);
        return job_write(&q, run_delete, &in);
}
