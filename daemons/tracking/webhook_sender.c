#include "daemons/tracking/webhook_sender.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/webhook_deliveries_sql.h"
#include "daemons/tracking/webhook_url.h"
#include "daemons/tracking/webhooks_sql.h"
#include "lib/base/arena.h"
#include "lib/base/base64.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/db/db_writer.h"
#include "lib/net/http_client.h"
#include "lib/net/loop.h"

enum {
        AT_ONCE = 16, /* messages under way: webhooks_sql_due()'s limit */
        RETRIES = 3,
        WAIT_MAX_S = 3600,  /* what a Retry-After may ask for */
        ANSWER_MAX = 65536, /* bytes of an answer that are read */
};
#define WAIT_FOR (30 * USEC_PER_SEC)

struct webhook_sender {
        const struct tracking *tracking;
        struct http_client *client;
        struct auth_seal seal;
        struct loop_source *timer;
        int64_t retries;
        bool is_busy;    /* messages are fetched or under way */
        bool look_again; /* more was queued meanwhile */
        bool is_stopping;
};

/* --- one message --------------------------------------------------------------------------------
 */

struct call {
        struct loop_task task;
        struct webhook_sender *sender;
        struct buf body;
        char *url;
        char id[256], time[48], signature[128];
        webhook_sender_told_fn *done;
        void *ctx;
};

static void call_free(struct call *c) {
        buf_done(&c->body);
        mem_free(c->url);
        mem_free(c);
}

static void on_answer(void *ctx, struct http_client_call *call,
                      const struct http_client_answer *a) {
        const char *wait = http_client_call_header(call, "Retry-After");
        struct call *c = ctx;
        int64_t wait_s = 0;

        if (wait && (str_to_i64(wait, &wait_s) < 0 || wait_s < 0))
                wait_s = 0; /* a date is not read */
        if (a->error < 0)
                c->done(c->ctx, 0, a->text ? a->text : errmsg_strerror(a->error), 0);
        else
                c->done(c->ctx, a->status, a->body ? buf_cstr(a->body) : "",
                        MIN(wait_s, (int64_t) WAIT_MAX_S));
        call_free(c);
}

static void start_call(struct loop_task *task) {
        struct call *c = container_of(task, struct call, task);
        const char *headers[] = {c->id, c->time, *c->signature ? c->signature : NULL, NULL};
        struct http_client_call *call;
        int r = http_client_start(
                c->sender->client,
                &(struct http_client_request){.method = "POST",
                                              .url = c->url,
                                              .headers = headers,
                                              .body = c->body.data,
                                              .body_size = c->body.len,
                                              .done = on_answer,
                                              .ctx = c,
                                              .max_body = ANSWER_MAX,
                                              .public_only = !webhook_url_private_allowed(),
                                              .total_for = WAIT_FOR},
                &call);

        if (r < 0) {
                c->done(c->ctx, 0, errmsg_strerror(r), 0);
                call_free(c);
        }
}

/* v1,base64(HMAC(secret, id.time.body)) */
static int sign(struct call *c, const char *secret, const char *id, int64_t now_s) {
        _cleanup_buf_ struct buf open = {}, signed_text = {}, text = {};
        unsigned char hmac[AUTH_SEAL_HMAC];
        int r = auth_seal_open(&c->sender->seal, secret, &open);

        if (r < 0)
                return r;
        buf_printf(&signed_text, "%s.%" PRId64 ".", id, now_s);
        buf_add(&signed_text, c->body.data, c->body.len);
        if (buf_error(&signed_text) < 0)
                return -ENOMEM;
        r = auth_seal_hmac(buf_cstr(&open), open.len, signed_text.data, signed_text.len, hmac);
        if (r == 0)
                r = base64_encode(&text, hmac, sizeof(hmac), 0);
        if (r == 0)
                (void) snprintf(c->signature, sizeof(c->signature), "X-MLflow-Signature: v1,%s",
                                buf_cstr(&text));
        return r;
}

int webhook_sender_tell(struct webhook_sender *s, const char *url, const char *secret,
                        const char *delivery_id, const char *body, webhook_sender_told_fn *done,
                        void *ctx) {
        int64_t now_s = (int64_t) (clock_now(s->tracking->clock) / USEC_PER_SEC);
        struct call *c = mem_new(struct call);
        int r = 0;

        if (!c)
                return -ENOMEM;
        *c = (struct call){.sender = s, .done = done, .ctx = ctx, .task.run = start_call};
        c->url = mem_strdup(url);
        buf_add_str(&c->body, body);
        if (!c->url || buf_error(&c->body) < 0)
                r = -ENOMEM;
        (void) snprintf(c->id, sizeof(c->id), "X-MLflow-Delivery-Id: %s", delivery_id);
        (void) snprintf(c->time, sizeof(c->time), "X-MLflow-Timestamp: %" PRId64, now_s);
        if (r == 0 && !str_empty(secret))
                r = sign(c, secret, delivery_id, now_s);
        if (r < 0) {
                call_free(c);
                return r;
        }
        loop_post_task(s->tracking->loop, &c->task);
        return 0;
}

const char *webhook_sender_excerpt(struct arena *a, const char *text) {
        if (!utf8_valid(text, strlen(text)))
                return "it answered something that is no text";
        return arena_strndup(a, text, utf8_cut(text, WEBHOOK_DELIVERIES_SQL_TEXT));
}

/* --- the queue ----------------------------------------------------------------------------------
 */

/* Some messages, from their being read to the last one's end. */
struct fetch {
        struct db_job job;
        struct loop_task task;
        struct webhook_sender *sender;
        struct arena arena;
        struct message {
                struct fetch *fetch;
                struct webhook_delivery delivery;
        } messages[AT_ONCE];
        size_t n, n_under_way;
        int64_t next_at_ms;
        int result;
};

/* A message that is over, or comes again: told.due_at_ms, 0 when it is over. */
struct settle {
        struct db_job job;
        struct arena arena;
        struct webhook_told told;
};

static void look(struct webhook_sender *s);

static int settle_run(struct db *db, struct db_job *job) {
        const struct webhook_told *told = &container_of(job, struct settle, job)->told;
        int r = told->due_at_ms ? webhooks_sql_later(db, told->id, told->due_at_ms)
                                : webhooks_sql_done(db, told->id);

        return r < 0 ? r : webhook_deliveries_sql_told(db, told);
}

static void settle_free(struct settle *x) {
        arena_done(&x->arena);
        mem_free(x);
}

static void settle_done(struct db_job *job, int r) {
        struct settle *x = container_of(job, struct settle, job);

        if (r < 0)
                log_warning("webhook delivery %s cannot be taken off the queue: %s", x->told.id,
                            errmsg_strerror(r));
        settle_free(x);
}

/* What came of one attempt: a status, or 0 and an error in words. */
static void settle(struct webhook_sender *s, const struct webhook_delivery *d, int64_t due_at_ms,
                   int status, const char *text) {
        bool is_good = status > 0 && status < 400;
        struct settle *x = mem_new(struct settle);

        if (!x)
                return; /* it will be told again */
        *x = (struct settle){.job = {.run = settle_run, .done = settle_done}};
        arena_init(&x->arena, 0);
        x->told = (struct webhook_told){
                .id = arena_strdup(&x->arena, d->id),
                .webhook_id = arena_strdup(&x->arena, d->webhook_id),
                .told_at_ms = tracking_now_ms(s->tracking),
                .status = status,
                .error = is_good ? NULL : webhook_sender_excerpt(&x->arena, text),
                .due_at_ms = due_at_ms,
        };
        if (!x->told.id || !x->told.webhook_id || (!is_good && !x->told.error) ||
            db_writer_submit(s->tracking->writer, &x->job) < 0)
                settle_free(x);
}

static void fetch_free(struct fetch *f) {
        arena_done(&f->arena);
        mem_free(f);
}

/* 1, 2, 4 … seconds and up to one more. */
static int64_t later(struct webhook_sender *s, int64_t attempts) {
        uint64_t jitter = 0;

        (void) entropy_below(s->tracking->entropy, 1000, &jitter);
        return tracking_now_ms(s->tracking) + (1000LL << MIN(attempts, (int64_t) 6)) +
               (int64_t) jitter;
}

static void ended(struct fetch *f) {
        struct webhook_sender *s = f->sender;

        if (--f->n_under_way > 0)
                return;
        s->is_busy = false;
        fetch_free(f);
        look(s);
}

static void on_told(void *ctx, int status, const char *text, int64_t wait_s) {
        struct message *m = ctx;
        struct webhook_sender *s = m->fetch->sender;
        const struct webhook_delivery *d = &m->delivery;
        bool again = status == 0 || status == 429 || status >= 500;

        if (s->is_stopping) {
                if (--m->fetch->n_under_way == 0)
                        fetch_free(m->fetch);
                return;
        }
        if (again && d->attempts < s->retries) {
                settle(s, d,
                       wait_s > 0 ? tracking_now_ms(s->tracking) + wait_s * 1000
                                  : later(s, d->attempts),
                       status, text);
        } else {
                if (status == 0 || status >= 400)
                        log_warning("webhook %s: delivery %s failed and is given up: %s %.200s",
                                    d->url, d->id, status ? "it answered" : "", text);
                settle(s, d, 0, status, text);
        }
        ended(m->fetch);
}

static void fetched(struct loop_task *task) {
        struct fetch *f = container_of(task, struct fetch, task);
        struct webhook_sender *s = f->sender;
        int64_t wait_ms = f->next_at_ms - tracking_now_ms(s->tracking);

        if (s->is_stopping) {
                fetch_free(f);
                return;
        }
        if (f->result < 0 || f->n == 0) {
                s->is_busy = false;
                if (f->result < 0)
                        wait_ms = 5000;
                if (f->result < 0 || f->next_at_ms != INT64_MAX)
                        (void) loop_source_arm_in(s->timer, (usec_t) MAX(wait_ms, (int64_t) 1) *
                                                                    USEC_PER_MSEC);
                fetch_free(f);
                if (s->look_again)
                        look(s);
                return;
        }
        f->n_under_way = f->n;
        for (size_t i = 0, n = f->n; i < n; i++) {
                struct message *m = &f->messages[i];
                const struct webhook_delivery *d = &m->delivery;
                int r;

                m->fetch = f;
                r = webhook_sender_tell(s, d->url, d->secret, d->id, d->body, on_told, m);
                if (r < 0)
                        on_told(m, r == -EBADMSG ? 400 : 0,
                                r == -EBADMSG ? "its secret cannot be read with this key"
                                              : errmsg_strerror(r),
                                0);
        }
}

static int fetch_run(struct db *db, struct db_job *job) {
        struct fetch *f = container_of(job, struct fetch, job);
        DB_USE struct db_stmt *s = webhooks_sql_due(db, tracking_now_ms(f->sender->tracking));
        int r = 0;

        f->n = 0;
        while (f->n < AT_ONCE && (r = db_step(s)) == DB_ROW) {
                r = webhooks_sql_read_delivery(s, &f->arena, &f->messages[f->n].delivery);
                if (r < 0)
                        return r;
                f->n++;
        }
        if (r < 0)
                return r;
        db_reset(s);
        s = NULL;
        return webhooks_sql_next(db, &f->next_at_ms);
}

static void fetch_done(struct db_job *job, int r) {
        struct fetch *f = container_of(job, struct fetch, job);

        f->result = r;
        f->task.run = fetched;
        loop_post_task(f->sender->tracking->loop, &f->task);
}

static void look(struct webhook_sender *s) {
        struct fetch *f;

        s->look_again = s->is_busy;
        if (s->is_busy || s->is_stopping)
                return;
        f = mem_new(struct fetch);
        if (!f)
                return;
        *f = (struct fetch){.sender = s, .job = {.run = fetch_run, .done = fetch_done}};
        arena_init(&f->arena, 0);
        s->is_busy = true;
        if (db_writer_submit(s->tracking->writer, &f->job) < 0) {
                s->is_busy = false;
                fetch_free(f);
                (void) loop_source_arm_in(s->timer, USEC_PER_SEC);
        }
}

static void on_wake(void *ctx) {
        look(ctx);
}

void webhook_sender_wake(struct webhook_sender *s) {
        if (s)
                (void) loop_post(s->tracking->loop, on_wake, s);
}

static int on_timer(struct loop_source *source, usec_t now, void *ctx) {
        look(ctx);
        return 0;
}

const struct auth_seal *webhook_sender_seal(const struct webhook_sender *s) {
        return &s->seal;
}

static int read_key(struct webhook_sender *s, const char *path, struct errmsg *em) {
        const char *key = getenv("MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY");

        if (str_empty(key))
                return auth_seal_init_file(&s->seal, path, s->tracking->entropy, em);
        if (auth_seal_init(&s->seal, key) == 0)
                return 0;
        return errmsg_fail(em, -EINVAL,
                           "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY is no key: it has 32 bytes in URL "
                           "base64");
}

int webhook_sender_new(const struct tracking *t, const char *key_path, struct errmsg *em,
                       struct webhook_sender **ret) {
        const char *retries = getenv("MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES");
        struct webhook_sender *s = mem_new(struct webhook_sender);
        int r;

        if (!s)
                return -ENOMEM;
        *s = (struct webhook_sender){.tracking = t, .retries = RETRIES};
        if (retries && (str_to_i64(retries, &s->retries) < 0 || s->retries < 0))
                s->retries = RETRIES;
        r = read_key(s, key_path, em);
        if (r >= 0)
                r = http_client_new(t->loop,
                                    &(struct http_client_options){.n_connections = AT_ONCE},
                                    &s->client);
        if (r >= 0) /* at the start: what the last one left */
                r = loop_timer_in(t->loop, 0, 0, on_timer, s, &s->timer);
        if (r < 0) {
                if (em && !*em->text)
                        errmsg_errno(em, r, "cannot start webhooks");
                webhook_sender_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

struct webhook_sender *webhook_sender_free(struct webhook_sender *s) {
        if (!s)
                return NULL;
        s->is_stopping = true;
        loop_post_flush(s->tracking->loop);
        http_client_free(s->client);
        loop_post_flush(s->tracking->loop);
        loop_source_free(s->timer);
        mem_free(s);
        return NULL;
}
