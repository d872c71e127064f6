/* The body of a request: collected into the arena, given to its row piece by piece, or dropped. */
#include <errno.h>
#include <string.h>

#include "lib/net/http_exchange.h"

size_t http_exchange_body_max(const struct http_exchange *x) {
        return x->match.route->max_body ?: x->server->options.max_body;
}

void http_exchange_body_refuse_size(struct http_exchange *x) {
        if (http_request_reply_error(&x->req, 413,
                                     "The request body is larger than the %zu bytes allowed here.",
                                     http_exchange_body_max(x)) < 0)
                http_exchange_cut(x);
}

void http_exchange_body_abort(struct http_exchange *x) {
        if (x->body_begun) {
                x->body_begun = false;
                x->match.route->body->abort(&x->req);
        }
}

static int http_exchange_body_reserve(struct http_exchange *x, size_t n) {
        size_t needed = x->req.body_size + n, cap = x->body_cap;
        char *grown;

        if (needed <= cap)
                return 0;
        if (x->body_expected != UINT64_MAX)
                cap = (size_t) x->body_expected;
        else
                cap = MAX(needed, MAX(2 * cap, (size_t) 4096));
        grown = arena_alloc(&x->arena, cap + 1);
        if (!grown)
                return -ENOMEM;
        if (x->req.body_size > 0)
                memcpy(grown, x->req.body, x->req.body_size);
        x->req.body = grown;
        x->body_cap = cap;
        return 0;
}

static int http_exchange_body_collect(struct http_exchange *x, const char *data, size_t size) {
        int r;

        if (size > http_exchange_body_max(x) - x->req.body_size) {
                http_exchange_body_refuse_size(x);
                return 0;
        }
        r = http_exchange_body_reserve(x, size);
        if (r < 0)
                return r;
        memcpy(x->req.body + x->req.body_size, data, size);
        x->req.body_size += size;
        x->req.body[x->req.body_size] = '\0';
        return 0;
}

/* 0 consumed, HTTP_PAUSE not, negative broken. */
static int http_exchange_body_deliver(struct http_exchange *x, const char *data, size_t size) {
        const struct http_body_ops *ops = x->match.route->body;
        int r;

        if (!ops)
                return http_exchange_body_collect(x, data, size);
        if (size > http_exchange_body_max(x) - x->req.body_size) {
                http_exchange_body_abort(x);
                http_exchange_body_refuse_size(x);
                return 0;
        }
        r = ops->chunk(&x->req, data, size);
        if (r == 0)
                x->req.body_size += size;
        return r;
}

enum MHD_Result http_exchange_body_drain(struct http_exchange *x, size_t *size) {
        x->state = HTTP_EXCHANGE_DRAIN;
        x->n_drained += *size;
        *size = 0;
        return x->n_drained > HTTP_EXCHANGE_DRAIN_MAX ? MHD_NO : MHD_YES;
}

enum MHD_Result http_exchange_body_take(struct http_exchange *x, const char *data, size_t *size) {
        int r;

        x->body_paused = false;
        if (x->ready)
                return http_exchange_body_drain(x, size);
        r = http_exchange_body_deliver(x, data, *size);
        if (r == HTTP_PAUSE && !x->ready) {
                if (atomic_load(&x->gone))
                        return MHD_NO;
                x->body_paused = true;
                http_exchange_suspend(x);
                return MHD_YES;
        }
        if (r < 0) {
                http_exchange_body_abort(x);
                http_exchange_fail(x, r);
        }
        if (x->ready)
                return http_exchange_body_drain(x, size);
        *size = 0;
        return MHD_YES;
}

static void http_exchange_body_on_task(struct loop_task *t) {
        struct http_exchange *x = container_of(t, struct http_exchange, body_task);

        atomic_store(&x->body_resume_posted, false);
        if (http_exchange_bury(x))
                return;
        if (x->is_suspended && x->body_paused)
                http_exchange_resume(x);
}

void http_exchange_body_resume(struct http_exchange *x) {
        if (atomic_exchange(&x->body_resume_posted, true))
                return;
        x->body_task.run = http_exchange_body_on_task;
        loop_post_task(x->server->loop, &x->body_task);
}

void http_exchange_body_begin(struct http_exchange *x) {
        const struct http_body_ops *ops = x->match.route->body;
        int r = ops->begin ? ops->begin(&x->req) : 0;

        if (r < 0)
                http_exchange_fail(x, r);
        x->body_begun = r == 0;
}
