/* Owns its calls. A call is WAITING for its turn, or ON a connection; it leaves both lists before
 * its done() runs, so that a done() may start, and cancel, what it likes. */
#include "lib/net/http_ask.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_response.h"
#include "lib/net/http_upstream.h"

#define HTTP_ASK_CONNECTIONS 8
#define HTTP_ASK_MAX_BODY ((size_t) 1 << 20)
#define HTTP_ASK_TOTAL_FOR (60 * USEC_PER_SEC)
/* The backlog of the socket was full: look again after this. */
#define HTTP_ASK_FULL_FOR (5 * USEC_PER_MSEC)
#define HTTP_ASK_PIECE 16384

TAILQ_HEAD(http_ask_list, http_ask_call);

struct http_ask {
        struct loop *loop;
        struct http_upstream upstream;
        unsigned n_on, n_on_max;
        struct http_ask_list waiting, on;
        struct loop_source *turn;  /* gives the waiting ones their turn, outside of any call */
        struct loop_source *timer; /* the next deadline, or the backlog's pause */
        usec_t armed_at;           /* of the timer; UINT64_MAX: off */
        bool is_freeing;
};

struct http_ask_call {
        TAILQ_ENTRY(http_ask_call) in_ask;
        struct http_ask *ask;
        struct http_upstream_conn *conn; /* NULL: waiting */
        struct buf out;                  /* head and body */
        size_t n_sent;
        struct http_response response;
        struct buf body;
        size_t max_body;
        usec_t until_at; /* CLOCK_BOOTTIME: a suspend counts */
        void (*done)(void *ctx, const struct http_ask_answer *a);
        void *ctx;
};

/* --- the life of a call ---------------------------------------------------------------------- */

/* Off its list; its connection is kept when the answer ended it well. */
static void http_ask_unlink(struct http_ask_call *c, bool is_good) {
        struct http_ask *a = c->ask;

        if (!c->conn) {
                TAILQ_REMOVE(&a->waiting, c, in_ask);
                return;
        }
        TAILQ_REMOVE(&a->on, c, in_ask);
        a->n_on--;
        http_upstream_put(&a->upstream, c->conn, is_good);
        c->conn = NULL;
        if (!TAILQ_EMPTY(&a->waiting))
                (void) loop_source_set_once(a->turn);
}

static void http_ask_call_free(struct http_ask_call *c) {
        buf_done(&c->out);
        buf_done(&c->body);
        http_response_done(&c->response);
        mem_free(c);
}

static void http_ask_end(struct http_ask_call *c, int r) {
        struct http_ask_answer answer = {
                .error = r, .status = c->response.status, .body = &c->body};

        http_ask_unlink(c, r >= 0 && c->response.keep_alive && c->n_sent == c->out.len);
        c->done(c->ctx, &answer);
        http_ask_call_free(c);
}

void http_ask_cancel(struct http_ask_call *c) {
        if (!c)
                return;
        http_ask_unlink(c, false);
        http_ask_call_free(c);
}

/* --- on a connection ------------------------------------------------------------------------- */

/* A server may answer and close before it has read all: -EPIPE says to read on. */
static int http_ask_send(struct http_ask_call *c) {
        while (c->n_sent < c->out.len) {
                ssize_t n = send(c->conn->fd, c->out.data + c->n_sent, c->out.len - c->n_sent,
                                 MSG_NOSIGNAL);

                if (n >= 0)
                        c->n_sent += (size_t) n;
                else if (errno == EAGAIN)
                        return http_upstream_ask(c->conn, EPOLLIN | EPOLLOUT);
                else if (errno == EPIPE)
                        break;
                else if (errno != EINTR)
                        return -errno;
        }
        return http_upstream_ask(c->conn, EPOLLIN);
}

static int http_ask_take(struct http_ask_call *c, char *data, size_t size) {
        ssize_t n = http_response_head(&c->response, data, size);

        if (n < 0 || !c->response.has_head)
                return (int) MIN(n, (ssize_t) 0);
        data += n;
        n = http_response_body(&c->response, data, size - (size_t) n);
        if (n <= 0)
                return (int) n;
        if ((size_t) n > c->max_body - c->body.len)
                return -EFBIG;
        return buf_add(&c->body, data, (size_t) n);
}

static int http_ask_receive(struct http_ask_call *c) {
        char data[HTTP_ASK_PIECE];

        while (!c->response.is_complete) {
                ssize_t n = recv(c->conn->fd, data, sizeof data, 0);
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                r = n == 0 ? http_response_eof(&c->response) : http_ask_take(c, data, (size_t) n);
                if (r < 0)
                        return r;
                if (n == 0)
                        c->response.is_complete = true;
        }
        return 0;
}

static int http_ask_connect(struct http_ask_call *c, bool may_reuse);

/* r as it was, or what a second try on a new connection says. */
static int http_ask_retry(struct http_ask_call *c, int r) {
        bool is_stale = c->conn->is_reused && c->response.head.len == 0 &&
                        (r == -ECONNRESET || r == -EPIPE);
        struct http_upstream_conn *old = c->conn;

        if (!is_stale)
                return r;
        c->n_sent = 0;
        r = http_ask_connect(c, false);
        /* until now in use, so that the call is on a connection at any time */
        if (c->conn != old)
                http_upstream_put(&c->ask->upstream, old, false);
        return r;
}

static int http_ask_on_io(struct loop_source *s, int fd, uint32_t revents, void *ctx) {
        struct http_ask_call *c = ctx;
        int r = 0;

        if (revents & EPOLLOUT)
                r = http_ask_send(c);
        if (r >= 0 && revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
                r = http_ask_receive(c);
        if (r < 0)
                r = http_ask_retry(c, r);
        if (r < 0 || c->response.is_complete)
                http_ask_end(c, r);
        return 0;
}

static int http_ask_connect(struct http_ask_call *c, bool may_reuse) {
        struct http_upstream_conn *conn;
        int r = http_upstream_get(&c->ask->upstream, may_reuse, http_ask_on_io, c, &conn);

        if (r < 0)
                return r;
        c->conn = conn;
        return http_ask_send(c);
}

/* --- turns and deadlines --------------------------------------------------------------------- */

static void http_ask_arm(struct http_ask *a, usec_t at) {
        if (at < a->armed_at) {
                a->armed_at = at;
                loop_source_arm_at(a->timer, at);
        }
}

static void http_ask_arm_next(struct http_ask *a) {
        struct http_ask_call *c;

        TAILQ_FOREACH(c, &a->waiting, in_ask)
        http_ask_arm(a, c->until_at);
        TAILQ_FOREACH(c, &a->on, in_ask)
        http_ask_arm(a, c->until_at);
}

/* The first on a list whose time is over; a done() may change the lists. */
static struct http_ask_call *http_ask_late(struct http_ask *a, usec_t now) {
        struct http_ask_call *c;

        TAILQ_FOREACH(c, &a->on, in_ask)
        if (c->until_at <= now)
                return c;
        TAILQ_FOREACH(c, &a->waiting, in_ask)
        if (c->until_at <= now)
                return c;
        return NULL;
}

/* Off the waiting ones, when it has a connection. */
static int http_ask_begin(struct http_ask_call *c) {
        struct http_ask *a = c->ask;
        int r = http_ask_connect(c, true);

        if (c->conn) {
                TAILQ_REMOVE(&a->waiting, c, in_ask);
                TAILQ_INSERT_TAIL(&a->on, c, in_ask);
                a->n_on++;
        }
        return r;
}

/* At once, on a connection that is there and when nobody waits: 0, or negative. Its caller is no
 * turn of ours and hears of nothing here: what fails has its turn. */
static int http_ask_try(struct http_ask_call *c) {
        struct http_ask *a = c->ask;
        int r;

        if (c != TAILQ_FIRST(&a->waiting) || a->n_on >= a->n_on_max || !a->upstream.idle)
                return -EAGAIN;
        r = http_ask_begin(c);
        if (r >= 0 || !c->conn)
                return r;
        http_ask_unlink(c, false);
        c->n_sent = 0;
        TAILQ_INSERT_HEAD(&a->waiting, c, in_ask);
        return r;
}

/* 0, or -EAGAIN: nobody gets in now. */
static int http_ask_turn(struct http_ask_call *c) {
        int r = http_ask_begin(c);

        if (r == -EAGAIN && !c->conn)
                return r;
        if (c->conn && r < 0)
                r = http_ask_retry(c, r);
        if (r < 0)
                http_ask_end(c, r);
        return 0;
}

static int http_ask_on_turn(struct loop_source *s, void *ctx) {
        struct http_ask *a = ctx;
        struct http_ask_call *c;

        /* so many and no more: a done() may have put a new one there */
        for (unsigned n = a->n_on_max;
             n > 0 && a->n_on < a->n_on_max && (c = TAILQ_FIRST(&a->waiting)); n--)
                if (http_ask_turn(c) < 0) {
                        http_ask_arm(a, loop_now(a->loop, CLOCK_BOOTTIME) + HTTP_ASK_FULL_FOR);
                        return 0;
                }
        if (a->n_on < a->n_on_max && !TAILQ_EMPTY(&a->waiting))
                (void) loop_source_set_once(a->turn);
        return 0;
}

static int http_ask_on_timer(struct loop_source *s, usec_t now, void *ctx) {
        struct http_ask *a = ctx;
        struct http_ask_call *c;

        a->armed_at = UINT64_MAX;
        while ((c = http_ask_late(a, now)))
                http_ask_end(c, -ETIMEDOUT);
        http_ask_arm_next(a);
        if (!TAILQ_EMPTY(&a->waiting))
                (void) loop_source_set_once(a->turn);
        return 0;
}

/* --- the face -------------------------------------------------------------------------------- */

static bool http_ask_is_clean(const char *s, const char *breaks) {
        return !s || !s[strcspn(s, breaks)];
}

static bool http_ask_is_good(const struct http_ask_request *r) {
        return http_ask_is_clean(r->method, "\r\n ") && http_ask_is_clean(r->target, "\r\n ") &&
               http_ask_is_clean(r->token, "\r\n") && http_ask_is_clean(r->content_type, "\r\n") &&
               str_starts(r->target ?: "", "/");
}

static int http_ask_write(const struct http_ask_request *r, struct buf *out) {
        const char *method = r->method ?: r->body ? "POST" : "GET";

        if (!http_ask_is_good(r))
                return -EINVAL;
        buf_printf(out, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, r->target);
        if (r->token)
                buf_printf(out, "Authorization: Bearer %s\r\n", r->token);
        if (r->body)
                buf_printf(out, "Content-Type: %s\r\n", r->content_type ?: "application/json");
        if (r->body || !(str_eq(method, "GET") || str_eq(method, "HEAD")))
                buf_printf(out, "Content-Length: %zu\r\n", r->body_size);
        buf_add_lit(out, "\r\n");
        if (r->body)
                buf_add(out, r->body, r->body_size);
        return buf_error(out);
}

int http_ask_start(struct http_ask *a, const struct http_ask_request *r,
                   struct http_ask_call **ret) {
        struct http_ask_call *c = a->is_freeing ? NULL : mem_new(struct http_ask_call);
        usec_t now = loop_now(a->loop, CLOCK_BOOTTIME);
        int k;

        if (!c)
                return a->is_freeing ? -ECANCELED : -ENOMEM;
        http_response_init(&c->response, r->method && str_eq(r->method, "HEAD"));
        k = http_ask_write(r, &c->out);
        if (k < 0) {
                http_ask_call_free(c);
                return k;
        }
        c->ask = a;
        c->max_body = r->max_body ?: HTTP_ASK_MAX_BODY;
        c->until_at = now + (r->total_for ?: HTTP_ASK_TOTAL_FOR);
        c->done = r->done;
        c->ctx = r->ctx;
        TAILQ_INSERT_TAIL(&a->waiting, c, in_ask);
        http_ask_arm(a, c->until_at);
        if (http_ask_try(c) < 0)
                (void) loop_source_set_once(a->turn);
        if (ret)
                *ret = c;
        return 0;
}

const char *http_ask_path(const struct http_ask *a) {
        return a->upstream.path;
}

int http_ask_new(struct loop *l, const char *socket_path, unsigned n_connections,
                 struct http_ask **ret) {
        struct http_ask *a = mem_new(struct http_ask);
        int r;

        if (!a)
                return -ENOMEM;
        a->loop = l;
        a->armed_at = UINT64_MAX;
        a->n_on_max = n_connections ?: HTTP_ASK_CONNECTIONS;
        TAILQ_INIT(&a->waiting);
        TAILQ_INIT(&a->on);
        r = http_upstream_init(&a->upstream, l, socket_path, a->n_on_max);
        if (r >= 0)
                r = loop_defer(l, http_ask_on_turn, a, &a->turn);
        if (r >= 0)
                r = loop_timer(l, CLOCK_BOOTTIME, UINT64_MAX, USEC_PER_MSEC, http_ask_on_timer, a,
                               &a->timer);
        if (r < 0) {
                http_ask_free(a);
                return r;
        }
        *ret = a;
        return 0;
}

struct http_ask *http_ask_free(struct http_ask *a) {
        struct http_ask_call *c;

        if (!a)
                return NULL;
        a->is_freeing = true;
        while ((c = TAILQ_FIRST(&a->on)) || (c = TAILQ_FIRST(&a->waiting)))
                http_ask_end(c, -ECANCELED);
        loop_source_free(a->turn);
        loop_source_free(a->timer);
        http_upstream_done(&a->upstream);
        mem_free(a);
        return NULL;
}
