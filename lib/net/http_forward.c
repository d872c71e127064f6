/* Owns requests on their way through: each is a pass, from its begin to the end of its answer.
 *
 * Upwards: a piece of body is written straight from the client's buffer; what the socket does not
 * take waits in `out`, and while that is not empty the client is paused. Downwards: the server
 * pulls, and the pull reads the socket; only when it is empty do we ask the loop for more. So
 * neither direction holds more than one piece.
 *
 * A pass ends when its answer is over, when the client breaks off its body, or with the error said
 * for it. Before the first byte of the answer a request without a body that went out on a reused
 * connection is sent once more on a new one: the daemon may have closed it meanwhile. */
#include "lib/net/http_forward.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_forward_headers.h"
#include "lib/net/http_request.h"
#include "lib/net/http_response.h"
#include "lib/net/http_upstream.h"

#define HTTP_FORWARD_PIECE 16384
#define HTTP_FORWARD_FIRST_BYTE_FOR (300 * USEC_PER_SEC)

struct http_forward {
        struct http_forward_options options;
        struct http_upstream upstream;
        char *name, *remedy;
        struct http_forward_pass *passes; /* waiting for the head of their answer */
        struct loop_source *sweep;
        bool sweep_armed;
};

struct http_forward_pass {
        struct http_forward *forward;
        struct http_upstream_conn *conn;
        struct http_request *req; /* NULL once answered */
        struct buf head;          /* of our request */
        size_t n_head_sent;
        struct buf out; /* of its body, not taken by the socket yet */
        bool is_chunked, has_body, is_paused, is_sent;
        struct http_response response;
        struct buf early; /* of the answer's body, read along with its head */
        struct http_request_waker *waker;
        usec_t until_at; /* for the head, CLOCK_MONOTONIC */
        struct http_forward_pass *next, **prev;
};

/* --- passes ---------------------------------------------------------------------------------- */

static void http_forward_unlink(struct http_forward_pass *p) {
        if (!p->prev)
                return;
        *p->prev = p->next;
        if (p->next)
                p->next->prev = p->prev;
        p->prev = NULL;
}

static void http_forward_pass_free(struct http_forward_pass *p) {
        bool is_good = p->response.is_complete && p->response.keep_alive && p->is_sent;

        http_forward_unlink(p);
        http_upstream_put(&p->forward->upstream, p->conn, is_good);
        http_request_waker_unref(p->waker);
        http_response_done(&p->response);
        buf_done(&p->head);
        buf_done(&p->out);
        buf_done(&p->early);
        mem_free(p);
}

/* Says the error for the request and ends the pass. */
static void http_forward_fail(struct http_forward_pass *p, int r) {
        struct http_request *req = p->req;
        const struct http_forward *f = p->forward;

        req->data = NULL;
        if (r == -ETIMEDOUT)
                r = http_request_reply_error(req, 504, "%s did not answer in time.", f->name);
        else if (r == -ECONNREFUSED || r == -ENOENT || r == -EAGAIN || r == -EACCES)
                r = http_request_reply_error(req, 503, "%s does not answer at %s (%s). %s", f->name,
                                             f->upstream.path, errmsg_strerror(r), f->remedy);
        else
                r = http_request_reply_error(req, 502, "%s broke off (%s). %s", f->name,
                                             errmsg_strerror(r), f->remedy);
        if (r < 0)
                http_request_reply_cut(req);
        http_forward_pass_free(p);
}

/* --- upwards --------------------------------------------------------------------------------- */

/* 0 = all is out, 1 = the socket is full, negative = broken. */
static int http_forward_flush(struct http_forward_pass *p) {
        while (p->n_head_sent < p->head.len || p->out.len > 0) {
                size_t head_left = p->head.len - p->n_head_sent;
                struct iovec iov[2] = {
                        {.iov_base = p->head.data + p->n_head_sent, .iov_len = head_left},
                        {.iov_base = p->out.data, .iov_len = p->out.len}};
                struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
                ssize_t n = sendmsg(p->conn->fd, &m, MSG_NOSIGNAL);
                size_t of_head;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 1 : -errno;
                of_head = MIN((size_t) n, head_left);
                p->n_head_sent += of_head;
                buf_consume(&p->out, (size_t) n - of_head);
        }
        return 0;
}

/* Sends what waits and asks the loop for what is missing. */
static int http_forward_push(struct http_forward_pass *p) {
        int r = http_forward_flush(p);

        /* The daemon may have answered before it closed: read on. */
        if (r == -EPIPE || r == -ECONNRESET)
                return http_upstream_ask(p->conn, EPOLLIN);
        if (r < 0)
                return r;
        if (r == 0 && p->is_paused) {
                p->is_paused = false;
                http_request_body_resume(p->req);
        }
        return http_upstream_ask(p->conn, EPOLLIN | (r > 0 ? EPOLLOUT : 0));
}

static int http_forward_add_body(struct http_forward_pass *p, const void *data, size_t size) {
        if (p->is_chunked)
                buf_printf(&p->out, "%zx\r\n", size);
        buf_add(&p->out, data, size);
        return p->is_chunked ? buf_add_lit(&p->out, "\r\n") : buf_error(&p->out);
}

/* --- downwards ------------------------------------------------------------------------------- */

static ssize_t http_forward_pull_early(struct http_forward_pass *p, char *data, size_t size) {
        size_t n = MIN(size, p->early.len);

        memcpy(data, p->early.data, n);
        buf_consume(&p->early, n);
        return (ssize_t) n;
}

static ssize_t http_forward_pull(void *ctx, char *data, size_t size) {
        struct http_forward_pass *p = ctx;

        if (p->early.len > 0)
                return http_forward_pull_early(p, data, size);
        while (!p->response.is_complete) {
                ssize_t n = recv(p->conn->fd, data, size, 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN) {
                        int r = http_upstream_ask(p->conn, EPOLLIN);

                        return r < 0 ? r : 0;
                }
                if (n < 0)
                        return -errno;
                if (n == 0) {
                        int r = http_response_eof(&p->response);

                        return r < 0 ? r : HTTP_STREAM_END;
                }
                n = http_response_body(&p->response, data, (size_t) n);
                if (n != 0)
                        return n;
        }
        return HTTP_STREAM_END;
}

static void http_forward_gone(void *ctx) {
        http_forward_pass_free(ctx);
}

static int http_forward_copy_headers(struct http_forward_pass *p) {
        const struct http_response *resp = &p->response;
        const char *connection = http_response_header(resp, "Connection");

        for (size_t i = 0; i < resp->n_headers; i++) {
                const char *name = resp->headers[i].name;
                int r;

                if (!http_forward_headers_pass(name, connection) || str_eq_fold(name, "Date") ||
                    str_eq_fold(name, "Content-Type") ||
                    str_eq_fold(name, "X-Content-Type-Options"))
                        continue;
                r = http_request_set_header(p->req, name, resp->headers[i].value);
                if (r < 0)
                        return r == -EINVAL ? -EPROTO : r;
        }
        return 0;
}

/* The head of the answer is in: from here on the server pulls. */
static int http_forward_answer(struct http_forward_pass *p) {
        const char *type = http_response_header(&p->response, "Content-Type");
        struct http_request *req = p->req;
        struct http_request_stream s = {
                .pull = http_forward_pull,
                .gone = http_forward_gone,
                .ctx = p,
                .size = http_response_length(&p->response),
                .no_gzip = true,
        };
        struct http_request_waker *waker;
        int r = http_forward_copy_headers(p);

        if (r < 0)
                return r;
        http_forward_unlink(p);
        p->req = NULL;
        req->data = NULL;
        (void) http_upstream_ask(p->conn, 0);
        if (p->response.framing == HTTP_RESPONSE_NONE && !p->response.to_head) {
                r = http_request_reply_empty(req, p->response.status);
                http_forward_pass_free(p);
        } else {
                r = http_request_reply_stream(req, p->response.status, type, &s, &waker);
                /* On failure gone() was called, and the pass with it. */
                if (r >= 0)
                        p->waker = waker;
        }
        if (r < 0)
                http_request_reply_cut(req);
        return 0;
}

static int http_forward_retry(struct http_forward_pass *p, int why);

/* Reads until the head is whole. */
static int http_forward_on_readable(struct http_forward_pass *p) {
        char data[HTTP_FORWARD_PIECE];
        ssize_t n = recv(p->conn->fd, data, sizeof data, 0), used;

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : http_forward_retry(p, -errno);
        if (n == 0)
                return http_forward_retry(p, -ECONNRESET);
        used = http_response_head(&p->response, data, (size_t) n);
        if (used < 0 || !p->response.has_head)
                return (int) MIN(used, (ssize_t) 0);
        n = http_response_body(&p->response, data + used, (size_t) (n - used));
        if (n >= 0)
                n = buf_add(&p->early, data + used, (size_t) n);
        return n < 0 ? (int) n : http_forward_answer(p);
}

static int http_forward_on_io(struct loop_source *s, int fd, uint32_t revents, void *ctx) {
        struct http_forward_pass *p = ctx;
        int r = 0;

        if (!p->req) {
                /* Bytes for a pull that found nothing. */
                (void) http_upstream_ask(p->conn, 0);
                if (p->waker)
                        http_request_waker_wake(p->waker);
                return 0;
        }
        if (revents & EPOLLOUT)
                r = http_forward_push(p);
        if (r >= 0 && revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
                r = http_forward_on_readable(p);
        if (r < 0)
                http_forward_fail(p, r);
        return 0;
}

static int http_forward_connect(struct http_forward_pass *p, bool may_reuse) {
        int r = http_upstream_get(&p->forward->upstream, may_reuse, http_forward_on_io, p,
                                  &p->conn);

        return r < 0 ? r : http_forward_push(p);
}

/* The connection ended before the answer began. */
static int http_forward_retry(struct http_forward_pass *p, int why) {
        bool may_retry = p->conn->is_reused && !p->has_body && p->response.head.len == 0;

        if (!may_retry)
                return why;
        http_upstream_put(&p->forward->upstream, p->conn, false);
        p->conn = NULL;
        p->n_head_sent = 0;
        return http_forward_connect(p, false);
}

/* --- the row's callbacks --------------------------------------------------------------------- */

static int http_forward_sweep(struct loop_source *s, usec_t now, void *ctx) {
        struct http_forward *f = ctx;

        for (struct http_forward_pass *p = f->passes, *next; p; p = next) {
                next = p->next;
                if (now >= p->until_at)
                        http_forward_fail(p, -ETIMEDOUT);
        }
        f->sweep_armed = f->passes != NULL;
        return f->sweep_armed ? loop_source_arm_in(s, USEC_PER_SEC) : 0;
}

static void http_forward_link(struct http_forward_pass *p) {
        struct http_forward *f = p->forward;

        p->until_at = loop_now(f->options.loop, CLOCK_MONOTONIC) + f->options.first_byte_for;
        p->next = f->passes;
        p->prev = &f->passes;
        if (p->next)
                p->next->prev = &p->next;
        f->passes = p;
        if (!f->sweep_armed)
                f->sweep_armed = loop_source_arm_in(f->sweep, USEC_PER_SEC) >= 0;
}

int http_forward_set_header(struct http_forward_headers *h, const char *name, const char *value) {
        if (!*name || name[strcspn(name, "\r\n: ")] || value[strcspn(value, "\r\n")])
                return -EINVAL;
        return buf_printf(&h->text, "%s: %s\r\n", name, value);
}

static int http_forward_write_head(struct http_forward_pass *p) {
        const struct http_forward_target *t = p->req->route->data;
        struct http_forward_headers own = {};
        int r = 0;

        if (p->forward->options.identify)
                r = p->forward->options.identify(p->req, &own);
        if (r >= 0)
                r = http_forward_headers_write(p->req, t, &own, &p->head);
        buf_done(&own.text);
        return r;
}

static int http_forward_begin(struct http_request *req) {
        const struct http_forward_target *t = req->route->data;
        struct http_forward_pass *p = mem_new(struct http_forward_pass);
        uint64_t length = http_request_content_length(req);
        int r;

        if (!p)
                return -ENOMEM;
        p->forward = t->forward;
        p->req = req;
        p->is_chunked = length == UINT64_MAX;
        p->has_body = length > 0;
        http_response_init(&p->response, req->method == HTTP_HEAD);
        http_forward_link(p);
        req->data = p;
        r = http_forward_write_head(p);
        if (r >= 0)
                r = http_forward_connect(p, true);
        if (r < 0) {
                http_forward_fail(p, r);
                return HTTP_LATER;
        }
        return 0;
}

static int http_forward_chunk(struct http_request *req, const void *data, size_t size) {
        struct http_forward_pass *p = req->data;
        int r;

        if (!p)
                return 0;
        if (p->out.len > 0) {
                p->is_paused = true;
                return HTTP_PAUSE;
        }
        r = http_forward_add_body(p, data, size);
        if (r >= 0)
                r = http_forward_push(p);
        if (r < 0)
                http_forward_fail(p, r);
        return 0;
}

static void http_forward_abort(struct http_request *req) {
        struct http_forward_pass *p = req->data;

        if (p)
                http_forward_pass_free(p);
        req->data = NULL;
}

const struct http_body_ops http_forward_body = {
        .begin = http_forward_begin, .chunk = http_forward_chunk, .abort = http_forward_abort};

int http_forward_handle(struct http_request *req) {
        struct http_forward_pass *p = req->data;
        int r = 0;

        if (!p)
                return HTTP_LATER;
        p->is_sent = true;
        if (p->is_chunked)
                r = buf_add_lit(&p->out, "0\r\n\r\n");
        if (r >= 0)
                r = http_forward_push(p);
        if (r < 0)
                http_forward_fail(p, r);
        return HTTP_LATER;
}

/* --- making and freeing ---------------------------------------------------------------------- */

int http_forward_new(const struct http_forward_options *o, struct http_forward **ret) {
        struct http_forward *f = mem_new(struct http_forward);
        int r;

        if (!f)
                return -ENOMEM;
        f->options = *o;
        if (o->first_byte_for == 0)
                f->options.first_byte_for = HTTP_FORWARD_FIRST_BYTE_FOR;
        f->name = mem_strdup(o->name);
        f->remedy = mem_strdup(o->remedy ?: "");
        r = f->name && f->remedy
                    ? http_upstream_init(&f->upstream, o->loop, o->socket_path, o->n_idle ?: 8)
                    : -ENOMEM;
        if (r >= 0)
                r = loop_timer(o->loop, CLOCK_MONOTONIC, USEC_INFINITY, USEC_PER_SEC,
                               http_forward_sweep, f, &f->sweep);
        if (r < 0) {
                http_forward_free(f);
                return r;
        }
        *ret = f;
        return 0;
}

struct http_forward *http_forward_free(struct http_forward *f) {
        if (!f)
                return NULL;
        assert(!f->passes);
        http_upstream_done(&f->upstream);
        loop_source_free(f->sweep);
        mem_free(f->name);
        mem_free(f->remedy);
        return mem_free(f);
}
