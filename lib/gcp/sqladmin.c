/* Owns calls to the Cloud SQL Admin API: their URL, headers, bodies, and the waits between tries.
 */
#include "lib/gcp/sqladmin.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/entropy.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/sqladmin_answer.h"
#include "lib/net/http_client.h"
#include "lib/net/http_target.h"

#define CALL_FOR (60 * USEC_PER_SEC)
#define CONNECT_FOR (20 * USEC_PER_SEC)
/* The n-th wait is base · factor^(n + a bit). */
#define WAIT_BASE_US 200000.0
#define WAIT_FACTOR 1.618

enum sqladmin_kind { SQLADMIN_SETTINGS, SQLADMIN_CERT };

struct sqladmin {
        struct loop *loop;
        struct http_client *http;
        char *endpoint, *agent_header, *quota_header;
        struct sqladmin_call *calls;
};

struct sqladmin_call {
        struct sqladmin *owner;
        enum sqladmin_kind kind;
        char *url, *token;
        struct buf body; /* empty: GET */
        unsigned n_tries;
        struct http_client_call *http;
        struct loop_source *timer;
        sqladmin_fn *done;
        void *ctx;
        struct sqladmin_call *next, **prev;
};

/* --- the client ------------------------------------------------------------------------------ */

int sqladmin_new(struct loop *l, const struct sqladmin_options *o, struct sqladmin **ret) {
        struct http_client_options ho = {.ca_file = o->ca_file};
        const char *endpoint = o->endpoint ?: SQLADMIN_ENDPOINT;
        struct sqladmin *s = mem_new(struct sqladmin);
        int r;

        if (!s)
                return -ENOMEM;
        s->loop = l;
        s->endpoint = str_printf("%s%s", endpoint, str_ends(endpoint, "/") ? "" : "/");
        s->agent_header = str_printf("User-Agent: %s", o->user_agent ?: "onebox");
        if (o->quota_project)
                s->quota_header = str_printf("X-Goog-User-Project: %s", o->quota_project);
        r = s->endpoint && s->agent_header && (s->quota_header || !o->quota_project)
                    ? http_client_new(l, &ho, &s->http)
                    : -ENOMEM;
        if (r < 0) {
                sqladmin_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

struct sqladmin *sqladmin_free(struct sqladmin *s) {
        if (!s)
                return NULL;
        while (s->calls)
                sqladmin_call_cancel(s->calls);
        http_client_free(s->http);
        mem_free(s->endpoint);
        mem_free(s->agent_header);
        mem_free(s->quota_header);
        return mem_free(s);
}

/* --- calls ----------------------------------------------------------------------------------- */

static int send_call(struct sqladmin_call *c);

static void free_call(struct sqladmin_call *c) {
        if (c->prev) {
                *c->prev = c->next;
                if (c->next)
                        c->next->prev = c->prev;
        }
        loop_source_free(c->timer);
        mem_free(c->url);
        if (c->token)
                mem_free_secret(c->token, strlen(c->token));
        buf_done(&c->body);
        mem_free(c);
}

void sqladmin_call_cancel(struct sqladmin_call *c) {
        if (!c)
                return;
        http_client_call_cancel(c->http);
        free_call(c);
}

static void finish(struct sqladmin_call *c, const struct sqladmin_answer *a) {
        c->done(c->ctx, a);
        free_call(c);
}

static void fail(struct sqladmin_call *c, int r, int status, const char *why, const char *reason) {
        struct sqladmin_answer a = {.r = r, .status = status, .why = why, .reason = reason};

        finish(c, &a);
}

static void succeed(struct sqladmin_call *c, int status, struct buf *body) {
        struct sqladmin_answer a = {.status = status, .why = "", .reason = ""};
        struct sqladmin_settings settings;
        struct errmsg em = {};
        struct arena arena;

        arena_init(&arena, 4 * SQLADMIN_ANSWER_MAX);
        if (!body->data)
                (void) buf_add(body, "", 0);
        if (!body->data)
                a.r = errmsg_fail(&em, -EINVAL, "the answer is empty");
        else if (c->kind == SQLADMIN_SETTINGS)
                a.r = sqladmin_answer_settings(&arena, body->data, body->len, &settings, &em);
        else
                a.r = sqladmin_answer_cert(&arena, body->data, body->len, &a.cert_pem, &em);
        if (a.r >= 0 && c->kind == SQLADMIN_SETTINGS)
                a.settings = &settings;
        a.why = em.text;
        finish(c, &a);
        arena_done(&arena);
}

/* --- tries ----------------------------------------------------------------------------------- */

static int on_wait_over(struct loop_source *s, usec_t now, void *ctx) {
        struct sqladmin_call *c = ctx;
        int r = send_call(c);

        if (r < 0)
                fail(c, r, 0, errmsg_strerror(r), "");
        return 0;
}

static usec_t wait_after(unsigned n_tries) {
        uint64_t random = 0;

        (void) entropy_below(entropy_system(), 1000, &random);
        return (usec_t) (WAIT_BASE_US *
                         pow(WAIT_FACTOR, (double) n_tries + (double) random / 1000.0));
}

static void on_refused(struct sqladmin_call *c, int status, const struct buf *body) {
        struct errmsg em = {};
        char reason[128];
        int r;

        if (status >= 500 && c->n_tries < SQLADMIN_TRIES) {
                r = loop_timer_in(c->owner->loop, wait_after(c->n_tries), 0, on_wait_over, c,
                                  &c->timer);
                if (r >= 0)
                        return;
        }
        sqladmin_answer_error(status, buf_cstr(body), body->len, &em, reason, sizeof reason);
        fail(c, -EIO, status, em.text, reason);
}

static void on_answer(void *ctx, struct http_client_call *call,
                      const struct http_client_answer *a) {
        struct sqladmin_call *c = ctx;
        _cleanup_free_ char *why = NULL;

        c->http = NULL;
        if (a->error < 0) {
                why = str_printf("%s \"%s\": %s", c->body.len > 0 ? "Post" : "Get", c->url,
                                 a->text);
                fail(c, a->error, a->status, why ?: "out of memory", "");
        } else if (a->status < 200 || a->status > 299) {
                on_refused(c, a->status, a->body);
        } else {
                succeed(c, a->status, a->body);
        }
}

static int send_call(struct sqladmin_call *c) {
        const char *headers[] = {c->owner->agent_header, c->owner->quota_header, NULL};
        struct http_client_request r = {
                .url = c->url,
                .token = c->token,
                .headers = headers,
                .body = c->body.len > 0 ? c->body.data : NULL,
                .body_size = c->body.len,
                .done = on_answer,
                .ctx = c,
                .max_body = SQLADMIN_ANSWER_MAX,
                .connect_for = CONNECT_FOR,
                .total_for = CALL_FOR,
        };

        c->timer = loop_source_free(c->timer);
        c->n_tries++;
        return http_client_start(c->owner->http, &r, &c->http);
}

/* --- making them ----------------------------------------------------------------------------- */

/* One part of the path: colons and dots stay as they are. */
static char *escape(const char *part) {
        char *out = mem_alloc(3 * strlen(part) + 1);

        if (out)
                out[http_target_encode(out, part, strlen(part), ":")] = 0;
        return out;
}

static int start(struct sqladmin *s, struct sqladmin_call *c, const char *token, const char *first,
                 const char *a, const char *second, const char *b, const char *end,
                 struct sqladmin_call **ret) {
        _cleanup_free_ char *part_a = escape(a), *part_b = escape(b);
        int r = -ENOMEM;

        c->owner = s;
        if (token)
                c->token = mem_strdup(token);
        if (part_a && part_b)
                c->url = str_printf("%ssql/v1beta4/%s/%s/%s/%s%s?alt=json&prettyPrint=false",
                                    s->endpoint, first, part_a, second, part_b, end);
        if (c->url && (c->token || !token) && buf_error(&c->body) >= 0)
                r = send_call(c);
        if (r < 0) {
                free_call(c);
                return r;
        }
        c->next = s->calls;
        c->prev = &s->calls;
        if (c->next)
                c->next->prev = &c->next;
        s->calls = c;
        if (ret)
                *ret = c;
        return 0;
}

static struct sqladmin_call *new_call(enum sqladmin_kind kind, sqladmin_fn *done, void *ctx) {
        struct sqladmin_call *c = mem_new(struct sqladmin_call);

        if (c) {
                c->kind = kind;
                c->done = done;
                c->ctx = ctx;
        }
        return c;
}

int sqladmin_get_settings(struct sqladmin *s, const char *token, const char *project,
                          const char *instance, sqladmin_fn *done, void *ctx,
                          struct sqladmin_call **ret) {
        struct sqladmin_call *c = new_call(SQLADMIN_SETTINGS, done, ctx);

        return c ? start(s, c, token, "projects", project, "instances", instance,
                         "/connectSettings", ret)
                 : -ENOMEM;
}

int sqladmin_make_cert(struct sqladmin *s, const char *token, const char *project,
                       const char *instance, const char *public_key_pem, const char *login_token,
                       sqladmin_fn *done, void *ctx, struct sqladmin_call **ret) {
        struct sqladmin_call *c = new_call(SQLADMIN_CERT, done, ctx);
        struct json_write w;

        if (!c)
                return -ENOMEM;
        json_write_init(&w, &c->body, 0);
        json_write_object(&w);
        if (login_token)
                json_write_kv_str(&w, "access_token", login_token);
        json_write_kv_str(&w, "public_key", public_key_pem);
        json_write_end(&w);
        return start(s, c, token, "projects", project, "instances", instance,
                     ":generateEphemeralCert", ret);
}

int sqladmin_resolve(struct sqladmin *s, const char *token, const char *region,
                     const char *dns_name, sqladmin_fn *done, void *ctx,
                     struct sqladmin_call **ret) {
        struct sqladmin_call *c = new_call(SQLADMIN_SETTINGS, done, ctx);

        return c ? start(s, c, token, "locations", region, "dns", dns_name,
                         ":resolveConnectSettings", ret)
                 : -ENOMEM;
}
