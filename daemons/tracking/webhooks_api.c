#include "daemons/tracking/webhooks_api.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/field_check.h"
#include "daemons/tracking/job.h"
#include "daemons/tracking/page_token.h"
#include "daemons/tracking/webhook_deliveries_sql.h"
#include "daemons/tracking/webhook_event.h"
#include "daemons/tracking/webhook_sender.h"
#include "daemons/tracking/webhook_url.h"
#include "daemons/tracking/webhooks_sql.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/net/http_request.h"

enum { EVENTS_MAX = 64, PAGE = 100, PAGE_MAX = 1000 };

struct event {
        const char *entity, *action; /* in small letters */
};

struct in {
        struct webhook webhook; /* NULL: not to change */
        struct event *events;
        size_t n_events;
        int64_t max_results, offset;
        bool has_description, has_secret;
        struct event test;
        struct webhook_sender *sender;
        const char *body;
};

/* --- reading --- */

static const char *lower(struct arena *a, const struct json *j) {
        char *s = json_is(j, JSON_STRING) ? arena_strdup(a, j->str) : NULL;

        if (s)
                str_lower(s);
        return s ? s : "";
}

static const char *upper(struct arena *a, const char *text) {
        char *s = arena_strdup(a, text);

        for (char *p = s; p && *p; p++)
                *p = (char) toupper((unsigned char) *p);
        return s ? s : "";
}

static int read_event(struct ask *q, const struct json *j, struct event *ret) {
        ret->entity = lower(q->arena, json_get(j, "entity"));
        ret->action = lower(q->arena, json_get(j, "action"));
        if (webhook_event_exists(ret->entity, ret->action))
                return 0;
        return refusal_invalid(
                &q->refusal, "Invalid action '%s' for entity '%s'. Valid actions are: [%s]",
                ret->action, ret->entity, webhook_event_actions(q->arena, ret->entity));
}

static void read_events(struct ask *q, struct in *in, unsigned flags) {
        const struct json *list, *item;
        size_t n = 0;

        list = ask_objects(q, "events", flags, &n);
        if (q->result == 0 && flags & ASK_NEED && n == 0)
                ask_check(q, refusal_invalid(&q->refusal, "Webhook events must be a non-empty list "
                                                          "of WebhookEvent objects: []."));
        if (q->result == 0 && n > EVENTS_MAX)
                ask_check(q, refusal_invalid(&q->refusal, "A webhook has at most %d events.",
                                             EVENTS_MAX));
        in->events =
                q->result == 0 ? arena_zalloc_array(q->arena, n + 1, sizeof(*in->events)) : NULL;
        if (q->result == 0 && !in->events)
                ask_check(q, -ENOMEM);
        json_each (item, list) {
                if (q->result == 0)
                        ask_check(q, read_event(q, item, &in->events[in->n_events++]));
        }
}

static int check_name(struct ask *q, const char *name) {
        size_t n = strlen(name);
        bool ok = n > 0 && n <= 63 && isalnum((unsigned char) name[0]) &&
                  isalnum((unsigned char) name[n - 1]);

        for (size_t i = 0; ok && i < n; i++)
                ok = isalnum((unsigned char) name[i]) || strchr("._-", name[i]);
        if (ok)
                return 0;
        return refusal_invalid(&q->refusal,
                               "Webhook name %s is invalid. It must start and end with a letter or "
                               "digit, be less than 63 characters long, and contain only letters, "
                               "digits, dots (.), underscores (_), and hyphens (-).",
                               field_check_repr(q->arena, name));
}

static const char *seal(struct ask *q, struct webhook_sender *sender, const char *secret) {
        const struct tracking *t = q->req->ctx;
        _cleanup_buf_ struct buf out = {};
        const char *text;
        int r = field_check_length(&q->refusal, "secret", 500, secret);

        if (r == 0)
                r = auth_seal_close(webhook_sender_seal(sender), t->entropy, clock_now(t->clock),
                                    secret, &out);
        ask_check(q, r);
        if (r != 0)
                return NULL;
        text = arena_strndup(q->arena, buf_cstr(&out), out.len);
        if (!text)
                ask_check(q, -ENOMEM);
        return text;
}

static void read_fields(struct ask *q, struct in *in, unsigned need) {
        static const char *const states[] = {NULL, "ACTIVE", "DISABLED"};
        const struct tracking *t = q->req->ctx;
        struct webhook *w = &in->webhook;
        const char *secret;
        int64_t status;

        w->name = ask_str(q, "name", need);
        w->url = ask_str(q, "url", need);
        read_events(q, in, need);
        w->description = ask_str(q, "description", 0);
        in->has_description = w->description != NULL;
        if (w->description && !*w->description)
                w->description = NULL;
        secret = ask_str(q, "secret", 0);
        in->has_secret = secret != NULL;
        if (ask_enum(q, "status", 0, states, ARRAY_SIZE(states), &status))
                w->status = states[status];
        if (q->result == 0 && w->name && (need || *w->name))
                ask_check(q, check_name(q, w->name));
        if (q->result == 0 && w->url && (need || *w->url))
                ask_check(q, webhook_url_check(&q->refusal, w->url));
        if (q->result == 0 && !str_empty(secret))
                w->secret = seal(q, t->webhooks, secret);
}

/* --- writing --- */

static int write_webhook(struct job *j, struct db *db, const struct webhook *w) {
        DB_USE struct db_stmt *s = webhooks_sql_events(db, w->id);
        int r;

        json_write_kv_str(&j->json, "webhook_id", w->id);
        json_write_kv_str(&j->json, "name", w->name);
        if (w->description)
                json_write_kv_str(&j->json, "description", w->description);
        json_write_kv_str(&j->json, "url", w->url);
        json_write_kv_array(&j->json, "events");
        while ((r = db_step(s)) == DB_ROW) {
                json_write_object(&j->json);
                json_write_kv_str(&j->json, "entity", upper(j->arena, db_col_text(s, 0)));
                json_write_kv_str(&j->json, "action", upper(j->arena, db_col_text(s, 1)));
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        json_write_kv_str(&j->json, "status", w->status);
        json_write_kv_i64(&j->json, "creation_timestamp", w->created_at_ms);
        json_write_kv_i64(&j->json, "last_updated_timestamp", w->updated_at_ms);
        return r;
}

static int write_answer(struct job *j, struct db *db, const struct webhook *w) {
        int r;

        json_write_kv_object(&j->json, "webhook");
        r = write_webhook(j, db, w);
        json_write_end(&j->json);
        return r;
}

static int insert_events(struct db *db, const struct in *in, const char *id) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < in->n_events; i++) {
                r = webhooks_sql_event_insert(db, id, in->events[i].entity, in->events[i].action);
                r = r == DB_CONFLICT ? 0 : r; /* twice is once */
        }
        return r;
}

static int run_create(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct webhook w = in->webhook;
        char hex[ENTROPY_ID_SIZE];
        int r = entropy_id(j->tracking->entropy, hex);

        if (r < 0)
                return r;
        w.id = arena_printf(j->arena, "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16,
                            hex + 20);
        if (!w.id)
                return -ENOMEM;
        w.created_at_ms = w.updated_at_ms = tracking_now_ms(j->tracking);
        w.status = w.status ? w.status : "ACTIVE";
        r = webhooks_sql_insert(db, &w);
        if (r == 0)
                r = insert_events(db, in, w.id);
        return r != 0 ? r : write_answer(j, db, &w);
}

int webhooks_api_create(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        read_fields(&q, &in, ASK_NEED);
        return job_write(&q, run_create, &in);
}

static int run_list(struct job *j, struct db *db) {
        const struct in *in = j->in;
        DB_USE struct db_stmt *s = webhooks_sql_list(db, in->max_results + 1, in->offset);
        struct webhook *list =
                arena_zalloc_array(j->arena, (size_t) in->max_results + 1, sizeof(*list));
        int64_t n = 0;
        int r;

        if (!list)
                return -ENOMEM;
        while ((r = db_step(s)) == DB_ROW) {
                r = webhooks_sql_read(s, j->arena, &list[n++]);
                if (r < 0)
                        return r;
        }
        json_write_kv_items(&j->json, "webhooks");
        for (int64_t i = 0; r == 0 && i < MIN(n, in->max_results); i++) {
                json_write_object(&j->json);
                r = write_webhook(j, db, &list[i]);
                json_write_end(&j->json);
        }
        json_write_end(&j->json);
        if (r < 0 || n <= in->max_results)
                return r;
        return page_token_write_next(&j->json, j->arena, in->offset + in->max_results);
}

int webhooks_api_list(struct http_request *req) {
        struct in in = {.max_results = PAGE};
        const char *token;
        struct ask q;

        ask_open(&q, req);
        ask_i64(&q, "max_results", 0, &in.max_results);
        token = ask_str(&q, "page_token", 0);
        in.max_results = in.max_results ? in.max_results : PAGE;
        if (q.result == 0 && (in.max_results < 1 || in.max_results > PAGE_MAX))
                ask_check(&q,
                          refusal_invalid(&q.refusal, "max_results must be between 1 and 1000."));
        ask_offset(&q, token, &in.offset);
        return job_read(&q, run_list, &in);
}

static int run_get(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct webhook w;
        int r = webhooks_sql_need(db, &j->refusal, in->webhook.id, &w);

        return r != 0 ? r : write_answer(j, db, &w);
}

int webhooks_api_get(struct http_request *req) {
        struct in in = {.webhook.id = http_request_param(req, "webhook_id")};
        struct ask q;

        ask_open(&q, req);
        return job_read(&q, run_get, &in);
}

static int run_update(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct webhook w;
        int r = webhooks_sql_need(db, &j->refusal, in->webhook.id, &w);

        if (r != 0)
                return r;
        w.name = str_empty(in->webhook.name) ? w.name : in->webhook.name;
        w.url = str_empty(in->webhook.url) ? w.url : in->webhook.url;
        w.status = in->webhook.status ? in->webhook.status : w.status;
        if (in->has_description)
                w.description = in->webhook.description;
        if (in->has_secret)
                w.secret = in->webhook.secret;
        w.updated_at_ms = tracking_now_ms(j->tracking);
        r = webhooks_sql_update(db, &w);
        if (r == 0 && in->n_events > 0)
                r = webhooks_sql_events_delete(db, w.id);
        if (r == 0)
                r = insert_events(db, in, w.id);
        return r != 0 ? r : write_answer(j, db, &w);
}

int webhooks_api_update(struct http_request *req) {
        struct in in = {};
        struct ask q;

        ask_open(&q, req);
        read_fields(&q, &in, 0);
        in.webhook.id = http_request_param(req, "webhook_id");
        return job_write(&q, run_update, &in);
}

static int run_delete(struct job *j, struct db *db) {
        const struct in *in = j->in;
        struct webhook w;
        int r = webhooks_sql_need(db, &j->refusal, in->webhook.id, &w);

        return r != 0 ? r : webhooks_sql_delete(db, w.id, tracking_now_ms(j->tracking));
}

int webhooks_api_delete(struct http_request *req) {
        struct in in = {.webhook.id = http_request_param(req, "webhook_id")};
        struct ask q;

        ask_open(&q, req);
        return job_write(&q, run_delete, &in);
}

/* --- a trial --- */

/* From its telling to the answer; in the request's arena. */
struct trial {
        struct db_job job;
        struct http_request *req;
        struct webhook_told told;
        const char *text; /* of the answer, or the error */
};

static void answer_trial(struct trial *x) {
        int64_t status = x->told.status;
        struct buf out = {};
        struct json_write w;

        json_write_init(&w, &out, JSON_WRITE_PRETTY | JSON_WRITE_ASCII);
        json_write_object(&w);
        json_write_kv_object(&w, "result");
        json_write_kv_bool(&w, "success", status > 0 && status < 400);
        if (status > 0) {
                json_write_kv_i64(&w, "response_status", status);
                json_write_kv_str(&w, "response_body", x->text);
        } else {
                json_write_kv_str(&w, "error_message", x->text);
        }
        json_write_end(&w);
        json_write_end(&w);
        json_write_finish(&w);
        if (http_request_reply_json(x->req, 200, &out) < 0)
                http_request_reply_cut(x->req);
}

static int note_trial(struct db *db, struct db_job *job) {
        const struct webhook_told *told = &container_of(job, struct trial, job)->told;
        int r = webhook_deliveries_sql_insert(db, told);

        return r < 0 ? r : webhook_deliveries_sql_told(db, told);
}

/* What came of it is said whether it could be noted or not. */
static void trial_noted(struct db_job *job, int r) {
        if (r < 0)
                log_warning("a webhook's trial cannot be noted: %s", errmsg_strerror(r));
        answer_trial(container_of(job, struct trial, job));
}

static void on_told(void *ctx, int status, const char *text, int64_t wait_s) {
        struct trial *x = ctx;
        const struct tracking *t = x->req->ctx;

        x->told.status = status;
        x->told.told_at_ms = tracking_now_ms(t);
        x->text = arena_strdup(x->req->arena, text);
        x->text = x->text ? x->text : "";
        if (status <= 0 || status >= 400)
                x->told.error = webhook_sender_excerpt(x->req->arena, x->text);
        x->job = (struct db_job){.run = note_trial, .done = trial_noted};
        if (db_writer_submit(t->writer, &x->job) < 0)
                answer_trial(x);
}

static int look_webhook(struct ask *q, struct db *db, void *ctx) {
        DB_USE struct db_stmt *s = NULL;
        struct in *in = ctx;
        int r = webhooks_sql_need(db, &q->refusal, in->webhook.id, &in->webhook);

        if (r != 0 || in->test.entity)
                return r;
        s = webhooks_sql_events(db, in->webhook.id);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : refusal_invalid(&q->refusal, "Webhook events cannot be empty");
        in->test.entity = arena_strdup(q->arena, db_col_text(s, 0));
        in->test.action = arena_strdup(q->arena, db_col_text(s, 1));
        return in->test.entity && in->test.action ? 0 : -ENOMEM;
}

int webhooks_api_test(struct http_request *req) {
        struct in in = {.webhook.id = http_request_param(req, "webhook_id")};
        const struct tracking *t = req->ctx;
        const char *body = NULL;
        struct trial *x = arena_new(req->arena, struct trial);
        char id[ENTROPY_ID_SIZE];
        struct ask q;
        int r;

        if (!x)
                return -ENOMEM;
        ask_open(&q, req);
        if (q.body && json_get(q.body, "event"))
                ask_check(&q, read_event(&q, json_get(q.body, "event"), &in.test));
        job_look(&q, look_webhook, &in);
        if (q.result == 0)
                ask_check(&q,
                          webhook_event_example(t, q.arena, in.test.entity, in.test.action, &body));
        if (q.result == 0)
                ask_check(&q, entropy_id(t->entropy, id));
        if (q.result != 0)
                return job_refuse(&q);
        *x = (struct trial){.req = req,
                            .told = {.id = arena_strdup(req->arena, id),
                                     .webhook_id = in.webhook.id,
                                     .entity = in.test.entity,
                                     .action = in.test.action,
                                     .message = body,
                                     .is_test = true,
                                     .queued_at_ms = tracking_now_ms(t)}};
        if (!x->told.id)
                return -ENOMEM;
        r = webhook_sender_tell(t->webhooks, in.webhook.url, in.webhook.secret, id, body, on_told,
                                x);
        return r < 0 ? r : HTTP_LATER;
}
