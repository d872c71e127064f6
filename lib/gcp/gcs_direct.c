#include "lib/gcp/gcs_direct.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_direct_call.h"

#define GCS_DIRECT_ANSWER_MAX ((size_t) 32 << 20)

struct gcs_direct {
        struct http_direct *http;
        char *endpoint, *bucket, *project, *agent;
        size_t n_origin;              /* of endpoint: what stands before the target */
        struct gcs_direct_options o;  /* its strings are not used */
        struct gcs_patience patience; /* with READs */
        atomic_uint_least64_t paused_until;
};

struct gcs_direct_reading {
        const struct gcs_direct_sink *sink;
        int error; /* the sink's */
};

static usec_t gcs_direct_now(void) {
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return (usec_t) t.tv_sec * USEC_PER_SEC + (usec_t) t.tv_nsec / 1000;
}

static size_t gcs_direct_rooms(void *ctx, struct iovec *v, size_t n_max) {
        struct gcs_direct_reading *call = ctx;

        return call->sink->rooms(call->sink->ctx, v, n_max);
}

static int gcs_direct_took(void *ctx, size_t n) {
        struct gcs_direct_reading *call = ctx;

        call->error = call->sink->took(call->sink->ctx, n);
        return call->error;
}

/* --- READs ----------------------------------------------------------------------------------- */

static int gcs_direct_get(struct gcs_direct *d, const struct gcs_request *q,
                          const struct gcs_request_wire *w, const char *token,
                          struct gcs_direct_reading *call, struct http_direct_answer *ret,
                          bool *ret_late) {
        const char *headers[ARRAY_SIZE(w->headers) + 1] = {};
        struct http_direct_request r = {
                .target = w->url.data + d->n_origin,
                .token = token,
                .headers = headers,
                .n_wanted = q->length,
                .is_range = true,
                .first_for = gcs_patience_for(&d->patience),
                .rooms = gcs_direct_rooms,
                .took = gcs_direct_took,
                .ctx = call,
        };
        size_t n = 0;
        int x;

        for (size_t i = 0; w->headers[i]; i++)
                headers[n++] = w->headers[i];
        if (d->agent)
                headers[n++] = d->agent;
        x = http_direct_get(d->http, &r, ret);
        *ret_late = x == -ETIMEDOUT && ret->first_after == 0 && r.first_for > 0 &&
                    ret->took_for >= r.first_for;
        if (ret->first_after > 0 || *ret_late)
                gcs_patience_saw(&d->patience, *ret_late ? r.first_for : ret->first_after);
        return x;
}

/* What came of a try: as gcs_direct_read(). A read that was late among others is no sign that the
 * service wants patience. */
static int gcs_direct_judge(struct gcs_direct *d, int error, const struct gcs_direct_reading *call,
                            const struct http_direct_answer *a, bool late) {
        if (error == 0)
                return 0;
        if (call->error < 0)
                return call->error;
        if (error == -ECANCELED)
                return error;
        if ((error == -ETIMEDOUT && !late) || (error == 1 && gcs_retry_status_helps(a->status)))
                d->paused_until = gcs_direct_now() + GCS_DIRECT_PAUSE_FOR;
        return 1;
}

int gcs_direct_read(struct gcs_direct *d, struct gcs_request *q,
                    const struct gcs_direct_sink *sink) {
        struct gcs_direct_reading call = {.sink = sink};
        struct http_direct_answer a = {};
        struct gcs_request_wire w = {};
        char *token = NULL;
        bool late = false;
        int r;

        if (q->verb != GCS_READ || q->length == 0 || gcs_direct_now() < d->paused_until ||
            (d->o.token && d->o.token(d->o.token_ctx, &token) != 0))
                return 1;
        r = gcs_request_build(q, d->endpoint, q->bucket ?: d->bucket, d->project, 0, &w);
        if (r >= 0)
                r = gcs_direct_get(d, q, &w, token, &call, &a, &late);
        gcs_request_wire_done(&w);
        if (token)
                mem_free_secret(token, strlen(token));
        if (d->o.tried && (a.status > 0 || (r < 0 && r != -EBUSY && r != -EAGAIN)))
                d->o.tried(d->o.tried_ctx, GCS_READ, a.status, r < 0 ? r : 0, a.took_for,
                           a.n_received);
        q->offset += a.n_received;
        q->length -= a.n_received;
        return gcs_direct_judge(d, r, &call, &a, late);
}

/* --- calls ----------------------------------------------------------------------------------- */

/* A session's URL may be anywhere. */
static bool gcs_direct_is_here(const struct gcs_direct *d, const struct gcs_request *q) {
        return !q->upload_url || (strncmp(q->upload_url, d->endpoint, d->n_origin) == 0 &&
                                  q->upload_url[d->n_origin] == '/');
}

static int gcs_direct_send(struct gcs_direct *d, const struct gcs_request *q,
                           const struct gcs_request_wire *w, const char *token,
                           struct http_direct_call_answer *ret) {
        const char *headers[ARRAY_SIZE(w->headers) + 1] = {};
        _cleanup_free_ struct iovec *body = mem_alloc_array(q->n_data + 2, sizeof(*body));
        struct http_direct_call c = {
                .method = w->method,
                .target = w->url.data + d->n_origin,
                .token = token,
                .headers = headers,
                .content_type = w->has_body ? w->content_type : NULL,
                .body = body,
                .max_answer = GCS_DIRECT_ANSWER_MAX,
                .stall_for =
                        gcs_request_stall_for(q, d->o.stall_for, d->o.chunk_for, q->budget_for),
        };
        size_t n = 0;

        if (!body)
                return -ENOMEM;
        for (size_t i = 0; w->headers[i]; i++)
                headers[n++] = w->headers[i];
        if (d->agent)
                headers[n++] = d->agent;
        if (w->head.len > 0)
                body[c.n_body++] = (struct iovec){w->head.data, w->head.len};
        for (size_t i = 0; i < q->n_data && w->body_size > w->head.len + w->tail.len; i++)
                body[c.n_body++] = q->data[i];
        if (w->tail.len > 0)
                body[c.n_body++] = (struct iovec){w->tail.data, w->tail.len};
        return http_direct_call(d->http, &c, ret);
}

/* An answer came, or nothing that another try would help. */
static void gcs_direct_end(struct gcs_request *q, int error,
                           const struct http_direct_call_answer *from) {
        struct gcs_answer a = {.error = error,
                               .text = error < 0 ? errmsg_strerror(error) : "",
                               .unsure = q->was_tried_unsure,
                               .n_tries = q->n_tried + 1,
                               .body = buf_cstr(&from->body),
                               .body_len = from->body.len};
        char words[GCS_ANSWER_WORDS];

        gcs_answer_fill(&a, from->status, http_response_header(&from->head, "Location"),
                        http_response_header(&from->head, "x-goog-generation"),
                        http_response_header(&from->head, "Range"));
        if (error >= 0)
                gcs_answer_judge(&a, words);
        q->done(q->ctx, &a);
}

static bool gcs_direct_helps(const struct gcs_direct *d, const struct gcs_request *q, int error,
                             int status) {
        return !q->only_once && !d->o.tries_once &&
               (error < 0 ? gcs_retry_error_helps(error) : gcs_retry_status_helps(status));
}

/* 1: it is to be gone on with. */
static int gcs_direct_settle(struct gcs_direct *d, struct gcs_request *q, int error,
                             const struct http_direct_call_answer *a) {
        q->was_tried_unsure = q->was_tried_unsure || a->unsure;
        /* Another token may be had; or nothing was tried. */
        if (error >= 0 ? a->status == 401 : !a->was_sent && error != -ECANCELED)
                return 1;
        if (error == -ETIMEDOUT || (error >= 0 && gcs_retry_status_helps(a->status)))
                d->paused_until = gcs_direct_now() + GCS_DIRECT_PAUSE_FOR;
        if (!gcs_direct_helps(d, q, error, a->status)) {
                gcs_direct_end(q, error, a);
                return 0;
        }
        q->n_tried++;
        q->was_tried_unsure = q->was_tried_unsure || error < 0 || a->status >= 500;
        q->budget_for -= q->budget_for > 0 ? MIN(a->took_for, q->budget_for - 1) : 0;
        return 1;
}

int gcs_direct_call(struct gcs_direct *d, struct gcs_request *q) {
        struct http_direct_call_answer a = {};
        struct gcs_request_wire w = {};
        char *token = NULL;
        int r;

        q->n_tried = 0;
        q->was_tried_unsure = false;
        if (q->verb == GCS_READ || gcs_direct_now() < d->paused_until ||
            !gcs_direct_is_here(d, q) ||
            (d->o.token && !q->upload_url && d->o.token(d->o.token_ctx, &token) != 0))
                return 1;
        r = gcs_request_build(q, d->endpoint, q->bucket ?: d->bucket, d->project, 0, &w);
        if (r >= 0)
                r = gcs_direct_send(d, q, &w, token, &a);
        if (token)
                mem_free_secret(token, strlen(token));
        if (d->o.tried && a.was_sent)
                d->o.tried(d->o.tried_ctx, q->verb, a.status, MIN(r, 0), a.took_for, w.body_size);
        gcs_request_wire_done(&w);
        r = gcs_direct_settle(d, q, r, &a);
        http_direct_call_answer_done(&a);
        return r;
}

void gcs_direct_stop(struct gcs_direct *d) {
        if (d)
                http_direct_stop(d->http);
}

void gcs_direct_trim(struct gcs_direct *d) {
        http_direct_trim(d->http);
}

int gcs_direct_new(const struct gcs_direct_options *o, struct gcs_direct **ret) {
        struct gcs_direct *d = mem_new(struct gcs_direct);
        const char *host = strstr(o->endpoint, "://");
        _cleanup_free_ char *origin = NULL;
        struct http_direct_options http = {.n_connections = o->n_connections,
                                           .stall_for = o->stall_for,
                                           .gives_up = o->gives_up};
        int r;

        if (!d)
                return -ENOMEM;
        d->o = *o;
        gcs_patience_init(&d->patience, &o->patience);
        d->n_origin = host ? (size_t) (host + 3 - o->endpoint) + strcspn(host + 3, "/") : 0;
        http.origin = origin = mem_strndup(o->endpoint, d->n_origin);
        d->endpoint = mem_strdup(o->endpoint);
        d->bucket = mem_strdup(o->bucket);
        d->project = mem_strdup(o->project);
        d->agent = o->user_agent ? str_printf("User-Agent: %s", o->user_agent) : NULL;
        r = !origin || !d->endpoint || !d->bucket || (o->project && !d->project) ||
                            (o->user_agent && !d->agent)
                    ? -ENOMEM
                    : http_direct_new(&http, &d->http);
        if (r < 0) {
                gcs_direct_free(d);
                return r;
        }
        *ret = d;
        return 0;
}

struct gcs_direct *gcs_direct_free(struct gcs_direct *d) {
        if (!d)
                return NULL;
        http_direct_free(d->http);
        mem_free(d->endpoint);
        mem_free(d->bucket);
        mem_free(d->project);
        mem_free(d->agent);
        return mem_free(d);
}
