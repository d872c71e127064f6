#include "daemons/tracking/gateway_guardrails_api.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "daemons/tracking/field_check.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/page_token.h"
#include "daemons/tracking/scorer_model.h"
#include "daemons/tracking/scorer_of.h"
#include "lib/auth/auth_identity.h"
#include "lib/auth/auth_unix.h"
#include "lib/base/entropy.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum { GUARDRAIL_NAME_MAX = 255, PAGE = 1000 };

struct in {
        const char *id, *name, *scorer_id, *stage, *action, *endpoint_id, *by;
        int64_t version, max_results, offset;
};

/* The first name of each is no choice, but what a message holds that says nothing. */
static const char *const stages[] = {"GUARDRAIL_STAGE_UNSPECIFIED", "BEFORE", "AFTER"};
static const char *const actions[] = {"GUARDRAIL_ACTION_UNSPECIFIED", "VALIDATION", "SANITIZATION"};

/* --- answers --- */

void gateway_guardrails_api_write(struct json_write *w, const struct gateway_guardrail *x,
                                  bool judge) {
        json_write_kv_str(w, "guardrail_id", x->id);
        json_write_kv_str(w, "name", x->name);
        if (judge) {
                json_write_kv_object(w, "scorer");
                scorer_of_write(w, &x->scorer);
                json_write_end(w);
        }
        json_write_kv_str(w, "stage", x->stage);
        json_write_kv_str(w, "action", x->action);
        if (!str_empty(x->action_endpoint))
                json_write_kv_str(w, "action_endpoint_id", x->action_endpoint);
        json_write_kv_str(w, "created_by", x->created_by ? x->created_by : "");
        json_write_kv_i64(w, "created_at", x->created_at_ms);
        json_write_kv_str(w, "last_updated_by", x->updated_by ? x->updated_by : "");
        json_write_kv_i64(w, "last_updated_at", x->updated_at_ms);
}

static int write_answer(struct job *j, struct db *db, const char *id) {
        struct gateway_guardrail x;
        int r = gateway_guardrails_sql_need(db, &j->refusal, id, &x);

        if (r != 0)
                return r;
        json_write_kv_object(&j->json, "guardrail");
        gateway_guardrails_api_write(&j->json, &x, true);
        json_write_end(&j->json);
        return 0;
}

const char *gateway_guardrails_api_user(struct ask *q) {
        const struct auth_identity *who = q->req->identity;
        struct auth_unix_user user;
        const char *name;
        int r;

        if (q->result != 0)
                return NULL;
        if (who && who->how != AUTH_BY_NOTHING)
                return who->name;
        r = auth_unix_by_uid(getuid(), &user);
        if (r < 0)
                return NULL;
        name = arena_strdup(q->arena, user.name);
        ask_check(q, name ? 0 : -ENOMEM);
        return name;
}

/* --- what judges --- */

static int check_code(struct job *j, const char *text) {
        struct json *root = NULL;
        int r = json_parse_python_copy(j->arena, text, strlen(text), &root, NULL);

        if (r == -EINVAL)
                return 0; /* another's, that we cannot read: no code that we see */
        if (r < 0 || !scorer_model_brings_code(root))
                return r;
        return refusal_invalid(&j->refusal,
                               "Gateway guardrails do not support custom scorers defined with the "
                               "@scorer decorator. Use a built-in scorer or a judge created with "
                               "make_judge.");
}

static int need_scorer(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct scorer x;
        int r = scorers_sql_version(db, j->arena, in->scorer_id, 0, &x);

        r = refusal_row(&j->refusal, r, "Scorer with ID '%s' not found.", in->scorer_id);
        if (r != 0)
                return r;
        if (in->version != x.version) {
                r = in->version > 0
                            ? scorers_sql_version(db, j->arena, in->scorer_id, in->version, &x)
                            : DB_DONE;
                r = refusal_row(&j->refusal, r,
                                "Scorer with ID '%s' and version %" PRId64 " not found.",
                                in->scorer_id, in->version);
        }
        return r != 0 ? r : check_code(j, x.serialized);
}

/* --- requests --- */

static int run_create(struct job *j, struct db *db) {
        const struct in *in = j->in;
        char id[3 + ENTROPY_ID_SIZE] = "gr-";
        struct gateway_guardrail x = {
                .id = id,
                .name = in->name,
                .stage = in->stage,
                .action = in->action,
                .action_endpoint = in->endpoint_id,
                .created_by = in->by,
                .updated_by = in->by,
                .created_at_ms = tracking_now_ms(j->tracking),
                .scorer = {.id = in->scorer_id, .version = in->version},
        };
        int r = need_scorer(j, db);

        if (r == 0 && in->endpoint_id)
                r = gateway_guardrails_sql_need_endpoint(db, &j->refusal, in->endpoint_id);
        if (r == 0)
                r = entropy_id(j->tracking->entropy, id + 3);
        if (r != 0)
                return r;
        x.updated_at_ms = x.created_at_ms;
        r = gateway_guardrails_sql_insert(db, &x);
        return r < 0 ? r : write_answer(j, db, id);
}

static const char *choice(struct ask *q, const char *key, const char *const *names, size_t n) {
        int64_t value = 0;

        if (!ask_enum(q, key, ASK_NEED, names, n, &value))
                return NULL;
        if (value == 0)
                ask_check(q, refusal_invalid(&q->refusal, "Invalid %s: 0", key));
        return names[value];
}

int gateway_guardrails_api_create(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.name = ask_str(&q, "name", ASK_NEED);
        in.scorer_id = ask_str(&q, "scorer_id", ASK_NEED);
        ask_i64(&q, "scorer_version", ASK_NEED, &in.version);
        in.stage = choice(&q, "stage", stages, ARRAY_SIZE(stages));
        in.action = choice(&q, "action", actions, ARRAY_SIZE(actions));
        in.endpoint_id = ask_given(&q, "action_endpoint_id");
        if (q.result == 0)
                ask_check(&q, field_check_length(&q.refusal, "name", GUARDRAIL_NAME_MAX, in.name));
        in.by = gateway_guardrails_api_user(&q);
        return job_write(&q, run_create, &in);
}

static int run_get(struct job *j, struct db *db) {
        const struct in *in = j->in;

        return write_answer(j, db, in->id);
}

int gateway_guardrails_api_get(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "guardrail_id", ASK_NEED);
        return job_read(&q, run_get, &in);
}

static int run_list(struct job *j, struct db *db) {
        const struct in *in = j->in;
        DB_USE struct db_stmt *s = gateway_guardrails_sql_list(db, in->max_results + 1, in->offset);
        struct gateway_guardrail x;
        int64_t n = 0;
        int r;

        json_write_kv_items(&j->json, "guardrails");
        while ((r = db_step(s)) == DB_ROW && n++ < in->max_results) {
                r = gateway_guardrails_sql_read(s, j->arena, &x);
                if (r < 0)
                        return r;
                json_write_object(&j->json);
                gateway_guardrails_api_write(&j->json, &x, true);
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        if (r < 0 || n <= in->max_results)
                return r < 0 ? r : 0;
        return page_token_write_next(&j->json, j->arena, in->offset + in->max_results);
}

int gateway_guardrails_api_list(struct http_request *req) {
        struct in in = {};
        const char *token;
        struct ask q;

        ask_open(&q, req);
        (void) ask_i64(&q, "max_results", 0, &in.max_results);
        token = ask_str(&q, "page_token", 0);
        if (in.max_results == 0)
                in.max_results = PAGE;
        ask_page(&q, in.max_results, token, &in.offset);
        return job_read(&q, run_list, &in);
}

static int run_delete(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct gateway_guardrail x;
        int r = gateway_guardrails_sql_need(db, &j->refusal, in->id, &x);

        return r != 0 ? r : gateway_guardrails_sql_delete(db, in->id);
}

int gateway_guardrails_api_delete(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        in.id = ask_str(&q, "guardrail_id", ASK_NEED);
        return job_write(&q, run_delete, &in);
}
