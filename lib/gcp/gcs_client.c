/* Owns the calls under way. A call is in one of four places: it waits for a token, for its turn or
 * its next try (a timer), or for an answer (an http_client_call). */
#include "lib/gcp/gcs_client.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/errmsg.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define GCS_CLIENT_ANSWER_MAX ((size_t) 32 << 20)
#define GCS_CLIENT_IO_SIZE ((size_t) 256 << 10)

struct gcs_client {
        struct loop *loop;
        struct http_client *http;
        char *endpoint, *bucket, *project, *agent;
        struct gcs_client_options o; /* its strings are not used */
        struct gcs_client_call *calls;
        atomic_bool stopping;
};

struct gcs_client_call {
        struct loop_task task;
        struct gcs_client *client;
        struct gcs_request *q;
        struct gcs_request_wire wire;
        struct http_client_call *http;
        struct loop_source *timer;
        char *token;
        bool waits_for_token;
        bool renewed; /* a 401 was answered with another token already */
        bool unsure;
        bool dead; /* done() came while a token was on its way */
        unsigned n_tries;
        usec_t began_at, tried_at; /* monotonic */
        uint64_t n_read;
        struct buf refused; /* a READ's answer that is no content */
        /* Where the body is being read: 0 = head, then data's pieces, then tail. */
        size_t piece, at;
        struct gcs_client_call *next, **prev;
};

static void gcs_client_try(struct gcs_client_call *call);

/* --- ends ------------------------------------------------------------------------------------ */

static void gcs_client_call_free(struct gcs_client_call *call) {
        if (call->prev) {
                *call->prev = call->next;
                if (call->next)
                        call->next->prev = call->prev;
                call->prev = NULL;
        }
        http_client_call_cancel(TAKE_PTR(call->http));
        call->timer = loop_source_free(call->timer);
        gcs_request_wire_done(&call->wire);
        buf_done(&call->refused);
        if (call->token)
                call->token = mem_free_secret(call->token, strlen(call->token));
        /* The token's answer still points here. */
        if (call->waits_for_token)
                call->dead = true;
        else
                mem_free(call);
}

static void gcs_client_end(struct gcs_client_call *call, struct gcs_answer *a) {
        struct gcs_request *q = call->q;

        a->n_tries = call->n_tries;
        a->n_read = call->n_read;
        a->unsure = call->unsure;
        call->q = NULL;
        if (call->prev) {
                *call->prev = call->next;
                if (call->next)
                        call->next->prev = call->prev;
                call->prev = NULL;
        }
        q->done(q->ctx, a);
        gcs_client_call_free(call);
}

static void gcs_client_fail(struct gcs_client_call *call, int error, const char *text) {
        struct gcs_answer a = {.error = error, .text = text, .generation = GCS_ANY};

        gcs_client_end(call, &a);
}

/* --- tries ----------------------------------------------------------------------------------- */

static usec_t gcs_client_now(const struct gcs_client *c) {
        return loop_now(c->loop, CLOCK_MONOTONIC);
}

static int gcs_client_on_timer(struct loop_source *s, usec_t now, void *ctx) {
        struct gcs_client_call *call = ctx;

        gcs_client_try(call);
        return 0;
}

static void gcs_client_try_in(struct gcs_client_call *call, usec_t in_for) {
        int r;

        call->timer = loop_source_free(call->timer);
        r = loop_timer_in(call->client->loop, in_for, USEC_PER_MSEC, gcs_client_on_timer, call,
                          &call->timer);
        if (r < 0)
                gcs_client_fail(call, r, "no timer");
}

static usec_t gcs_client_budget(const struct gcs_client_call *call) {
        return call->q->budget_for ?: call->client->o.retry.budget_for;
}

/* What is left of its time; a moment, when nothing is. */
static usec_t gcs_client_left(const struct gcs_client_call *call) {
        usec_t spent_for = gcs_client_now(call->client) - call->began_at;
        usec_t budget_for = gcs_client_budget(call);

        return spent_for < budget_for ? budget_for - spent_for : 1;
}

/* True when another try was arranged. */
static bool gcs_client_again(struct gcs_client_call *call) {
        const struct gcs_retry_policy *p = &call->client->o.retry;
        usec_t spent_for = gcs_client_now(call->client) - call->began_at, wait_for;
        uint64_t chance = UINT64_MAX / 2;

        if (call->q->only_once || call->client->stopping ||
            (p->n_tries_max > 0 && call->n_tries >= p->n_tries_max))
                return false;
        (void) entropy_fill(call->client->o.entropy, &chance, sizeof(chance));
        wait_for = gcs_retry_wait(p, call->n_tries, chance);
        if (spent_for + wait_for >= gcs_client_budget(call))
                return false;
        gcs_client_try_in(call, wait_for);
        return true;
}

static ssize_t gcs_client_read_body(void *ctx, char *data, size_t size) {
        struct gcs_client_call *call = ctx;
        size_t n_pieces = call->q->n_data + 2, n = 0;

        while (n < size && call->piece < n_pieces) {
                const char *from;
                size_t len, part;

                if (call->piece == 0) {
                        from = call->wire.head.data;
                        len = call->wire.head.len;
                } else if (call->piece + 1 == n_pieces) {
                        from = call->wire.tail.data;
                        len = call->wire.tail.len;
                } else {
                        from = call->q->data[call->piece - 1].iov_base;
                        len = call->q->data[call->piece - 1].iov_len;
                }
                part = MIN(len - call->at, size - n);
                if (part > 0)
                        memcpy(data + n, from + call->at, part);
                n += part;
                call->at += part;
                if (call->at == len) {
                        call->piece++;
                        call->at = 0;
                }
        }
        return (ssize_t) n;
}

/* Content goes to the sink; words of refusal are kept. */
static int gcs_client_on_content(void *ctx, struct http_client_call *http, const char *data,
                                 size_t n) {
        struct gcs_client_call *call = ctx;
        int status = http_client_call_status(http), r;

        if (status != 200 && status != 206)
                return call->refused.len > 4096 ? 0 : buf_add(&call->refused, data, n);
        /* Who does not know ranges would begin anew. */
        if (status == 200 && call->q->offset + call->n_read > 0 && call->tried_at > 0 &&
            http_client_call_received(http) == 0)
                return -EPROTO;
        if (call->q->length > 0 && call->n_read + n > call->q->length)
                n = (size_t) (call->q->length - call->n_read);
        r = n > 0 ? call->q->sink(call->q->sink_ctx, data, n) : 0;
        if (r >= 0)
                call->n_read += n;
        return r;
}

static void gcs_client_fill(struct gcs_client_call *call, const struct http_client_answer *from,
                            struct gcs_answer *a) {
        gcs_answer_fill(a, from->status, http_client_call_header(call->http, "Location"),
                        http_client_call_header(call->http, "x-goog-generation"),
                        http_client_call_header(call->http, "Range"));
        a->body = call->q->verb == GCS_READ ? buf_cstr(&call->refused) : buf_cstr(from->body);
        a->body_len = call->q->verb == GCS_READ ? call->refused.len : from->body->len;
}

/* The token was refused: true when there may be another one. */
static bool gcs_client_renew(struct gcs_client_call *call) {
        const struct gcs_client_auth *auth = &call->client->o.auth;

        if (!call->token || call->renewed || !auth->invalidate)
                return false;
        call->renewed = auth->invalidate(auth->ctx, call->token);
        return call->renewed;
}

/* After each try, whatever came of it. */
static void gcs_client_tell(const struct gcs_client_call *call, const struct gcs_answer *a) {
        const struct gcs_client_hooks *hooks = &call->client->o.hooks;

        if (hooks->tried)
                hooks->tried(hooks->ctx, call->q->verb, a->status, a->error,
                             gcs_client_now(call->client) - call->tried_at,
                             call->q->verb == GCS_READ ? call->n_read : call->wire.body_size);
}

static void gcs_client_on_done(void *ctx, struct http_client_call *http,
                               const struct http_client_answer *from) {
        struct gcs_client_call *call = ctx;
        struct gcs_answer a = {.error = from->error, .text = from->text, .generation = GCS_ANY};
        char words[GCS_ANSWER_WORDS];
        bool helps;

        gcs_client_fill(call, from, &a);
        helps = a.error < 0 ? gcs_retry_error_helps(a.error) : gcs_retry_status_helps(a.status);
        gcs_client_tell(call, &a);
        helps = helps || (a.error >= 0 && a.status == 401 && gcs_client_renew(call));
        if (a.error >= 0)
                gcs_answer_judge(&a, words);
        /* The http call goes with this callback. */
        call->http = NULL;
        if (a.error < 0 && helps) {
                call->unsure = call->unsure || from->error < 0 || a.status >= 500;
                if (gcs_client_again(call))
                        return;
        }
        gcs_client_end(call, &a);
}

static int gcs_client_send(struct gcs_client_call *call) {
        struct gcs_client *c = call->client;
        const struct gcs_request_wire *w = &call->wire;
        const char *headers[ARRAY_SIZE(w->headers) + 1] = {};
        size_t n = 0;
        bool big = call->q->verb == GCS_READ || w->body_size > GCS_CLIENT_IO_SIZE;
        struct http_client_request r = {
                .method = w->method,
                .url = w->url.data,
                .token = call->token,
                .headers = headers,
                .done = gcs_client_on_done,
                .write = call->q->verb == GCS_READ ? gcs_client_on_content : NULL,
                .ctx = call,
                .max_body = GCS_CLIENT_ANSWER_MAX,
                .stall_for = gcs_request_stall_for(call->q, c->o.stall_for, c->o.chunk_for,
                                                   gcs_client_left(call)),
                .io_size = big ? GCS_CLIENT_IO_SIZE : 0,
        };

        for (size_t i = 0; w->headers[i]; i++)
                headers[n++] = w->headers[i];
        if (c->agent)
                headers[n++] = c->agent;
        if (w->has_body) {
                r.read = gcs_client_read_body;
                r.body_total = (int64_t) w->body_size;
                r.content_type = w->content_type;
        }
        call->piece = 0;
        call->at = 0;
        buf_reset(&call->refused);
        call->tried_at = gcs_client_now(c);
        call->n_tries++;
        return http_client_start(c->http, &r, &call->http);
}

/* A READ that got all it asked for before its connection broke needs no further try. */
static bool gcs_client_has_all(const struct gcs_client_call *call) {
        return call->q->verb == GCS_READ && call->q->length > 0 && call->n_read >= call->q->length;
}

static void gcs_client_go(struct gcs_client_call *call) {
        struct gcs_client *c = call->client;
        int r;

        gcs_request_wire_done(&call->wire);
        call->wire = (struct gcs_request_wire){};
        r = gcs_request_build(call->q, c->endpoint, call->q->bucket ?: c->bucket, c->project,
                              call->n_read, &call->wire);
        if (r >= 0)
                r = gcs_client_send(call);
        if (r < 0)
                gcs_client_fail(call, r, "the request cannot be made");
}

static void gcs_client_on_token(void *ctx, int error, const char *text, const char *why) {
        struct gcs_client_call *call = ctx;

        call->waits_for_token = false;
        if (call->dead) {
                mem_free(call);
                return;
        }
        call->timer = loop_source_free(call->timer);
        if (error < 0) {
                if (!gcs_retry_error_helps(error) || !gcs_client_again(call))
                        gcs_client_fail(call, error, why ?: "no token");
                return;
        }
        if (call->token)
                call->token = mem_free_secret(call->token, strlen(call->token));
        if (text && !(call->token = mem_strdup(text)))
                gcs_client_fail(call, -ENOMEM, "out of memory");
        else
                gcs_client_go(call);
}

/* Who gives tokens has a patience of its own, and others ask it, too. */
static int gcs_client_on_no_token(struct loop_source *s, usec_t now, void *ctx) {
        gcs_client_fail(ctx, -ETIMEDOUT, "no token came in time");
        return 0;
}

static void gcs_client_try(struct gcs_client_call *call) {
        struct gcs_client *c = call->client;
        int r;

        call->timer = loop_source_free(call->timer);
        if (gcs_client_has_all(call)) {
                struct gcs_answer a = {.status = 206, .text = "", .generation = GCS_ANY};

                gcs_client_end(call, &a);
                return;
        }
        if (c->o.hooks.pace) {
                usec_t wait_for =
                        c->o.hooks.pace(c->o.hooks.ctx, call->q->verb,
                                        call->q->verb == GCS_READ ? call->q->length
                                                                  : gcs_request_data_size(call->q));

                if (wait_for > 0) {
                        gcs_client_try_in(call, wait_for);
                        return;
                }
        }
        /* A session's URL is its own authority. */
        if (!c->o.auth.get || call->q->upload_url) {
                gcs_client_go(call);
                return;
        }
        call->waits_for_token = true;
        r = c->o.auth.get(c->o.auth.ctx, gcs_client_on_token, call);
        if (r < 0)
                call->waits_for_token = false;
        else
                r = loop_timer_in(c->loop, gcs_client_left(call), USEC_PER_MSEC,
                                  gcs_client_on_no_token, call, &call->timer);
        if (r < 0)
                gcs_client_fail(call, r, "no token");
}

/* --- starting -------------------------------------------------------------------------------- */

static void gcs_client_link(struct gcs_client_call *call) {
        struct gcs_client *c = call->client;

        call->began_at = gcs_client_now(c);
        call->next = c->calls;
        call->prev = &c->calls;
        if (call->next)
                call->next->prev = &call->next;
        c->calls = call;
}

static void gcs_client_run_task(struct loop_task *t) {
        struct gcs_client_call *call = container_of(t, struct gcs_client_call, task);

        gcs_client_link(call);
        call->unsure = call->q->was_tried_unsure;
        call->n_tries = call->q->n_tried;
        if (call->client->stopping)
                gcs_client_fail(call, -ECANCELED, "the client stops");
        else if (call->n_tries == 0 || !gcs_client_again(call))
                gcs_client_try(call);
}

int gcs_client_submit(struct gcs_client *c, struct gcs_request *q) {
        struct gcs_client_call *call = mem_new(struct gcs_client_call);

        if (!call)
                return -ENOMEM;
        call->client = c;
        call->q = q;
        call->task.run = gcs_client_run_task;
        loop_post_task(c->loop, &call->task);
        return 0;
}

int gcs_client_start(struct gcs_client *c, struct gcs_request *q) {
        return gcs_client_submit(c, q);
}

/* --- giving up ------------------------------------------------------------------------------- */

struct gcs_client_giving_up {
        struct loop_task task;
        struct gcs_client *client;
        const struct gcs_request *q;
        pthread_mutex_t lock;
        pthread_cond_t cond;
        bool is_done;
};

static void gcs_client_run_give_up(struct loop_task *t) {
        struct gcs_client_giving_up *g = container_of(t, struct gcs_client_giving_up, task);
        struct gcs_client_call *call = g->client->calls;

        while (call && call->q != g->q)
                call = call->next;
        if (call) {
                call->unsure = call->unsure || call->http;
                gcs_client_fail(call, -EINTR, "given up: who asked for it was interrupted");
        }
        pthread_mutex_lock(&g->lock);
        g->is_done = true;
        pthread_cond_signal(&g->cond);
        pthread_mutex_unlock(&g->lock);
}

/* It waits for the loop: later the same q may be another call. */
void gcs_client_give_up(struct gcs_client *c, const struct gcs_request *q) {
        struct gcs_client_giving_up g = {
                .task.run = gcs_client_run_give_up,
                .client = c,
                .q = q,
                .lock = PTHREAD_MUTEX_INITIALIZER,
                .cond = PTHREAD_COND_INITIALIZER,
        };

        loop_post_task(c->loop, &g.task);
        pthread_mutex_lock(&g.lock);
        while (!g.is_done)
                pthread_cond_wait(&g.cond, &g.lock);
        pthread_mutex_unlock(&g.lock);
        pthread_cond_destroy(&g.cond);
        pthread_mutex_destroy(&g.lock);
}

static void gcs_client_stop_now(void *ctx) {
        struct gcs_client *c = ctx;

        while (c->calls)
                gcs_client_fail(c->calls, -ECANCELED, "the client stops");
}

void gcs_client_stop(struct gcs_client *c) {
        c->stopping = true;
        (void) loop_post(c->loop, gcs_client_stop_now, c);
}

int gcs_client_new(struct loop *l, struct http_client *http, const struct gcs_client_options *o,
                   struct gcs_client **ret) {
        struct gcs_client *c = mem_new(struct gcs_client);

        if (!c)
                return -ENOMEM;
        c->loop = l;
        c->http = http;
        c->o = *o;
        if (!c->o.entropy)
                c->o.entropy = entropy_system();
        if (c->o.retry.max_for == 0)
                gcs_retry_policy_init(&c->o.retry);
        c->endpoint = mem_strdup(o->endpoint);
        c->bucket = mem_strdup(o->bucket);
        c->project = mem_strdup(o->project);
        c->agent = o->user_agent ? str_printf("User-Agent: %s", o->user_agent) : NULL;
        if (!c->endpoint || !c->bucket || (o->project && !c->project) ||
            (o->user_agent && !c->agent)) {
                gcs_client_free(c);
                return -ENOMEM;
        }
        *ret = c;
        return 0;
}

struct gcs_client *gcs_client_free(struct gcs_client *c) {
        if (!c)
                return NULL;
        c->stopping = true;
        loop_post_flush(c->loop);
        gcs_client_stop_now(c);
        mem_free(c->endpoint);
        mem_free(c->bucket);
        mem_free(c->project);
        mem_free(c->agent);
        return mem_free(c);
}
