/* Owns a request from its first line to its completion: the states of http_exchange.h. */
#include "lib/net/http_exchange.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_host.h"
#include "lib/net/http_request_waker.h"
#include "lib/net/http_target.h"

#define HTTP_EXCHANGE_ARENA_MAX (size_t) 0 /* bodies are limited by their rows */
#define HTTP_EXCHANGE_SPARE 64

/* --- suspension ------------------------------------------------------------------------------- */

void http_exchange_suspend(struct http_exchange *x) {
        struct http_server *s = x->server;

        assert(!x->is_suspended);
        x->is_suspended = true;
        x->next = s->suspended;
        x->prev = &s->suspended;
        if (x->next)
                x->next->prev = &x->next;
        s->suspended = x;
        MHD_suspend_connection(x->conn->mhd);
}

void http_exchange_resume(struct http_exchange *x) {
        assert(x->is_suspended);
        x->is_suspended = false;
        *x->prev = x->next;
        if (x->next)
                x->next->prev = x->prev;
        MHD_resume_connection(x->conn->mhd);
        http_server_run_soon(x->server);
}

/* FIN or RST from the client; a pipelining one has bytes waiting, which is not looked at. */
static bool http_exchange_hung_up(const struct http_exchange *x) {
        struct pollfd p = {.fd = x->conn->fd, .events = POLLRDHUP};

        return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL));
}

void http_exchange_sweep(struct http_server *s, usec_t now) {
        for (struct http_exchange *x = s->suspended, *next; x; x = next) {
                next = x->next;
                if (!atomic_load(&x->gone) && (http_exchange_hung_up(x) || s->is_draining))
                        atomic_store(&x->gone, true);
                if (x->stream && http_request_waker_sweep(x->stream, now))
                        http_exchange_resume(x);
                else if (x->body_paused && atomic_load(&x->gone))
                        http_exchange_resume(x);
        }
}

/* --- birth and death ---------------------------------------------------------------------------
 */

static struct http_exchange *http_exchange_new(struct http_server *s) {
        struct http_exchange *x = s->spare;
        struct arena arena;

        if (x) {
                s->spare = x->next;
                s->n_spare--;
                arena = x->arena;
        } else {
                x = mem_alloc(sizeof *x);
                if (!x)
                        return NULL;
                arena_init(&arena, HTTP_EXCHANGE_ARENA_MAX);
        }
        memset(x, 0, sizeof *x);
        x->arena = arena;
        x->server = s;
        return x;
}

void http_exchange_free(struct http_exchange *x) {
        struct http_server *s = x->server;

        assert(!x->is_suspended);
        x->conn->exchange = NULL;
        if (x->body_begun && x->state == HTTP_EXCHANGE_BODY)
                x->match.route->body->abort(&x->req);
        if (x->stream) {
                s->n_streams -= x->state == HTTP_EXCHANGE_DONE;
                http_request_waker_over(x->stream);
        }
        if (x->response)
                MHD_destroy_response(x->response);
        s->n_active--;
        if (s->n_spare < HTTP_EXCHANGE_SPARE && !s->is_freeing) {
                arena_reset(&x->arena);
                x->next = s->spare;
                s->spare = x;
                s->n_spare++;
                return;
        }
        arena_done(&x->arena);
        mem_free(x);
}

void *http_exchange_on_uri(void *cls, const char *uri, struct MHD_Connection *mhd) {
        struct http_conn *c =
                MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
        struct http_exchange *x;

        if (c->exchange)
                http_exchange_free(c->exchange);
        x = http_exchange_new(c->server);
        if (!x)
                return NULL;
        x->conn = c;
        c->exchange = x;
        x->server->n_active++;
        x->server->n_requests++;
        x->began_at = http_server_now();
        x->req = (struct http_request){
                .server = x->server,
                .ctx = x->server->options.ctx,
                .arena = &x->arena,
                .peer = &c->peer,
                .listener = c->listener,
                .body = (char *) "",
                .query = "",
                .path = "",
                .worker = -1,
        };
        x->req.target = arena_strdup(&x->arena, uri);
        return x;
}

void http_exchange_on_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
                                enum MHD_RequestTerminationCode why) {
        struct http_exchange *x = *ctx;
        struct http_conn *c;

        *ctx = NULL;
        if (!x)
                return;
        c = x->conn;
        http_exchange_free(x);
        http_server_conn_idle(c);
}

/* --- answers ------------------------------------------------------------------------------------
 */

static void http_exchange_arrived(struct http_exchange *x) {
        x->ready = true;
        if (x->is_suspended)
                http_exchange_resume(x);
}

static void http_exchange_on_answer_task(struct loop_task *t) {
        http_exchange_arrived(container_of(t, struct http_exchange, answer_task));
}

static void http_exchange_deliver_answer(struct http_exchange *x, int status,
                                         struct MHD_Response *response) {
        x->status = status;
        x->response = response;
        if (pthread_equal(pthread_self(), x->server->thread)) {
                http_exchange_arrived(x);
        } else {
                x->answer_task.run = http_exchange_on_answer_task;
                loop_post_task(x->server->loop, &x->answer_task);
        }
}

int http_exchange_answer(struct http_exchange *x, int status, struct MHD_Response *response) {
        if (!response)
                return -ENOMEM;
        if (atomic_exchange(&x->replied, true)) {
                MHD_destroy_response(response);
                return -EALREADY;
        }
        http_exchange_deliver_answer(x, status, response);
        return 0;
}

/* --- checks before the body --------------------------------------------------------------------
 */

void http_exchange_cut(struct http_exchange *x) {
        if (!atomic_exchange(&x->replied, true))
                http_exchange_deliver_answer(x, 500, NULL);
}

static void http_exchange_fail(struct http_exchange *x, int r) {
        if (!atomic_load(&x->replied) &&
            http_request_reply_error(&x->req, 500, "Internal error: %s.", errmsg_strerror(r)) < 0)
                http_exchange_cut(x);
}

static void http_exchange_refuse(struct http_exchange *x, int status, const char *message) {
        if (http_request_reply_error(&x->req, status, "%s", message) < 0)
                http_exchange_cut(x);
}

static void http_exchange_refuse_text(struct http_exchange *x, int status, const char *text) {
        if (http_request_reply_text(&x->req, status, text) < 0)
                http_exchange_cut(x);
}

/* Two lengths, or a length beside chunks, is how requests are smuggled past a front. */
static enum MHD_Result http_exchange_count_length(void *cls, enum MHD_ValueKind kind,
                                                  const char *key, const char *value) {
        unsigned *n = cls;

        if (str_eq_fold(key, "Content-Length") || str_eq_fold(key, "Transfer-Encoding"))
                ++*n;
        return MHD_YES;
}

/* 0, or -EINVAL when what the header says of the body is not clear. */
static int http_exchange_read_length(struct http_exchange *x) {
        const char *length = http_request_header(&x->req, "Content-Length");
        const char *coding = http_request_header(&x->req, "Transfer-Encoding");
        unsigned n = 0;

        if (!length && !coding)
                return 0;
        MHD_get_connection_values(x->conn->mhd, MHD_HEADER_KIND, http_exchange_count_length, &n);
        if (n != 1)
                return -EINVAL;
        if (coding) {
                if (!str_eq_fold(coding, "chunked"))
                        return -EINVAL;
                x->body_expected = UINT64_MAX;
                return 0;
        }
        return str_to_u64(length, &x->body_expected) < 0 ? -EINVAL : 0;
}

static int http_exchange_parse_query(struct http_exchange *x) {
        const char *p = x->req.query;
        size_t n_max = 1;

        if (!*p)
                return 0;
        for (const char *c = p; *c; c++)
                n_max += *c == '&';
        x->query = arena_zalloc_array(&x->arena, n_max, sizeof *x->query);
        if (!x->query)
                return -ENOMEM;
        for (; *p; p += *p == '&') {
                size_t size = strcspn(p, "&"), key_size = strcspn(p, "=&");
                char *text = arena_alloc(&x->arena, size + 2);
                struct http_exchange_pair *pair = &x->query[x->n_query];

                if (!text)
                        return -ENOMEM;
                if (size > 0) {
                        size_t value_at = MIN(key_size + 1, size);

                        if (http_target_decode(text, p, key_size, true) < 0 ||
                            http_target_decode(text + key_size + 1, p + value_at, size - value_at,
                                               true) < 0)
                                return -EINVAL;
                        pair->key = text;
                        pair->value = text + key_size + 1;
                        x->n_query++;
                }
                p += size;
        }
        return 0;
}

static int http_exchange_decode_params(struct http_exchange *x) {
        for (size_t i = 0; i < x->match.n_params; i++) {
                const char *value = x->match.params[i].value;
                size_t size = x->match.params[i].value_size;
                char *text = arena_alloc(&x->arena, size + 1);
                ssize_t n;

                if (!text)
                        return -ENOMEM;
                n = http_target_decode(text, value, size, false);
                if (n < 0)
                        return -EINVAL;
                x->match.params[i].value = text;
                x->match.params[i].value_size = (size_t) n;
        }
        return 0;
}

/* Replies when the target is not one of ours. */
static void http_exchange_route(struct http_exchange *x) {
        char *path, *query, allowed[96];
        char *target = arena_strdup(&x->arena, x->req.target);
        int r;

        if (!target || http_target_split(target, &path, &query) < 0) {
                http_exchange_refuse(x, 400, "The request target is malformed.");
                return;
        }
        x->req.path = path;
        x->req.query = query;
        r = http_route_find(x->server->routes, x->req.method, path, &x->match);
        if (r == -EOPNOTSUPP) {
                http_route_allowed(x->server->routes, path, allowed, sizeof allowed);
                (void) http_request_set_header(&x->req, "Allow", allowed);
                http_exchange_refuse(x, 405, "The method is not allowed for the requested URL.");
        } else if (r < 0) {
                http_exchange_refuse(
                        x, 404,
                        "The requested URL was not found on the server. If you entered "
                        "the URL manually please check your spelling and try again.");
        } else {
                x->req.route = x->match.route;
        }
}

/* A connection through `ssh -L` to a Unix socket comes from a browser, too: all kinds are checked.
 */
static void http_exchange_check_host(struct http_exchange *x) {
        const struct http_listen_options *policy = http_listen_policy(x->conn->listener);
        const char *hosts = x->server->options.allowed_hosts;
        const char *host = http_request_header(&x->req, "Host");

        if (policy->no_host_check)
                return;
        if (!http_host_allowed(host, hosts))
                http_exchange_refuse_text(
                        x, 403, "Invalid Host header - possible DNS rebinding attack detected");
        else if (!(x->req.route && x->req.route->flags & HTTP_ANY_ORIGIN) &&
                 !http_host_origin_allowed(x->req.method, host,
                                           http_request_header(&x->req, "Origin"),
                                           http_request_header(&x->req, "Sec-Fetch-Site"), hosts))
                http_exchange_refuse_text(x, 403, "Cross-origin request blocked");
}

static size_t http_exchange_max_body(const struct http_exchange *x) {
        return x->match.route->max_body ?: x->server->options.max_body;
}

static void http_exchange_refuse_size(struct http_exchange *x) {
        if (http_request_reply_error(&x->req, 413,
                                     "The request body is larger than the %zu bytes allowed here.",
                                     http_exchange_max_body(x)) < 0)
                http_exchange_cut(x);
}

static int http_exchange_decode(struct http_exchange *x) {
        int r;

        if (x->match.route->flags & HTTP_KEEP_RAW)
                return 0;
        r = http_exchange_parse_query(x);
        return r < 0 ? r : http_exchange_decode_params(x);
}

/* Identity and whatever else the daemon asks. */
static int http_exchange_before(struct http_exchange *x) {
        int r = x->server->options.before ? x->server->options.before(&x->req) : 0;

        assert(r <= 0 || atomic_load(&x->replied));
        return r;
}

/* All that can be said before the body. Afterwards either there is a reply or the row may have it.
 */
static void http_exchange_check(struct http_exchange *x) {
        int r = http_exchange_read_length(x);

        if (r < 0) {
                x->body_expected = UINT64_MAX;
                http_exchange_refuse(x, 400, "The length of the request body is not clear.");
        }
        if (!x->ready)
                http_exchange_route(x);
        if (!x->ready)
                http_exchange_check_host(x);
        if (x->ready)
                return;
        r = http_exchange_decode(x);
        if (r == -EINVAL)
                http_exchange_refuse(x, 400, "The URL has a bad %-escape or is not UTF-8.");
        else if (r >= 0)
                r = http_exchange_before(x);
        if (r < 0)
                http_exchange_fail(x, r);
        else if (!x->ready && x->body_expected != UINT64_MAX &&
                 x->body_expected > http_exchange_max_body(x))
                http_exchange_refuse_size(x);
}

/* --- handlers -----------------------------------------------------------------------------------
 */

void http_exchange_run(struct http_exchange *x, int worker) {
        int r;

        x->req.worker = worker;
        r = x->match.route->handle(&x->req);
        /* Unless it is negative the request is answered or somebody else's by now: hands off. */
        if (r < 0)
                http_exchange_fail(x, r);
}

static void http_exchange_abort_body(struct http_exchange *x) {
        if (x->body_begun) {
                x->body_begun = false;
                x->match.route->body->abort(&x->req);
        }
}

static void http_exchange_dispatch(struct http_exchange *x) {
        x->state = HTTP_EXCHANGE_HANDED;
        if (!(x->match.route->flags & HTTP_WORKER)) {
                http_exchange_run(x, -1);
        } else if (http_worker_submit(x->server->pool, x) < 0) {
                http_exchange_abort_body(x);
                (void) http_request_set_header(&x->req, "Retry-After", "1");
                http_exchange_refuse(x, 503,
                                     "The server is busy: too many requests wait. Try again.");
        }
}

/* --- bodies --------------------------------------------------------------------------------------
 */

static int http_exchange_reserve_body(struct http_exchange *x, size_t n) {
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

static int http_exchange_collect(struct http_exchange *x, const char *data, size_t size) {
        int r;

        if (size > http_exchange_max_body(x) - x->req.body_size) {
                http_exchange_refuse_size(x);
                return 0;
        }
        r = http_exchange_reserve_body(x, size);
        if (r < 0)
                return r;
        memcpy(x->req.body + x->req.body_size, data, size);
        x->req.body_size += size;
        x->req.body[x->req.body_size] = '\0';
        return 0;
}

/* 0 consumed, HTTP_PAUSE not, negative broken. */
static int http_exchange_deliver(struct http_exchange *x, const char *data, size_t size) {
        const struct http_body_ops *ops = x->match.route->body;
        int r;

        if (!ops)
                return http_exchange_collect(x, data, size);
        if (size > http_exchange_max_body(x) - x->req.body_size) {
                http_exchange_abort_body(x);
                http_exchange_refuse_size(x);
                return 0;
        }
        r = ops->chunk(&x->req, data, size);
        if (r == 0)
                x->req.body_size += size;
        return r;
}

static enum MHD_Result http_exchange_drain(struct http_exchange *x, size_t *size) {
        x->state = HTTP_EXCHANGE_DRAIN;
        x->n_drained += *size;
        *size = 0;
        return x->n_drained > HTTP_EXCHANGE_DRAIN_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result http_exchange_on_body(struct http_exchange *x, const char *data,
                                             size_t *size) {
        int r;

        x->body_paused = false;
        if (x->ready)
                return http_exchange_drain(x, size);
        r = http_exchange_deliver(x, data, *size);
        if (r == HTTP_PAUSE && !x->ready) {
                if (atomic_load(&x->gone))
                        return MHD_NO;
                x->body_paused = true;
                http_exchange_suspend(x);
                return MHD_YES;
        }
        if (r < 0) {
                http_exchange_abort_body(x);
                http_exchange_fail(x, r);
        }
        if (x->ready)
                return http_exchange_drain(x, size);
        *size = 0;
        return MHD_YES;
}

static void http_exchange_on_body_task(struct loop_task *t) {
        struct http_exchange *x = container_of(t, struct http_exchange, body_task);

        atomic_store(&x->body_resume_posted, false);
        if (x->is_suspended && x->body_paused)
                http_exchange_resume(x);
}

void http_request_body_resume(struct http_request *req) {
        struct http_exchange *x = http_exchange_of(req);

        if (atomic_exchange(&x->body_resume_posted, true))
                return;
        x->body_task.run = http_exchange_on_body_task;
        loop_post_task(x->server->loop, &x->body_task);
}

static enum MHD_Result http_exchange_queue(struct http_exchange *x) {
        struct http_server *s = x->server;
        usec_t took_for = http_server_now() - x->began_at;
        enum MHD_Result r = MHD_NO;

        x->state = HTTP_EXCHANGE_DONE;
        http_metrics_count(&s->metrics, x->req.route, x->status, took_for);
        s->n_streams += x->stream != NULL;
        if (s->options.done)
                s->options.done(&x->req, x->status, took_for);
        if (x->response) {
                if (s->is_draining)
                        (void) MHD_add_response_header(x->response, "Connection", "close");
                r = MHD_queue_response(x->conn->mhd, (unsigned) x->status, x->response);
                MHD_destroy_response(x->response);
                x->response = NULL;
        }
        return r;
}

/* --- MHD's entry
 * ---------------------------------------------------------------------------------- */

static enum MHD_Result http_exchange_after(struct http_exchange *x) {
        if (x->ready)
                return http_exchange_queue(x);
        http_exchange_suspend(x);
        return MHD_YES;
}

/* Answered before its body came: at once (MHD closes then) when the client waits for a word or
 * would send too much; else what comes is dropped first, so that it reads the answer. */
static enum MHD_Result http_exchange_answer_early(struct http_exchange *x) {
        bool is_long = x->body_expected != UINT64_MAX && x->body_expected > HTTP_EXCHANGE_DRAIN_MAX;

        if (is_long || http_request_header(&x->req, "Expect"))
                return http_exchange_queue(x);
        x->state = HTTP_EXCHANGE_DRAIN;
        return MHD_YES;
}

static void http_exchange_begin_body(struct http_exchange *x) {
        const struct http_body_ops *ops = x->match.route->body;
        int r = ops->begin ? ops->begin(&x->req) : 0;

        if (r < 0)
                http_exchange_fail(x, r);
        x->body_begun = r == 0;
}

/* The header is in: refuse, or begin with the body. MHD comes once more without data when the whole
 * request is in, also when it has no body; an answer queued before that would cost the connection.
 * A client that sends header and body apart and waits for our acknowledgement (Nagle) gets it at
 * once, not after the 40 ms of a delayed one. */
static enum MHD_Result http_exchange_on_header(struct http_exchange *x, const char *method) {
        http_server_conn_busy(x->conn);
        x->req.method = http_route_method_parse(method);
        x->req.method_name = arena_strdup(&x->arena, method);
        if (!x->req.target || !x->req.method_name)
                return MHD_NO;
        http_exchange_check(x);
        if (!x->ready && x->match.route->body)
                http_exchange_begin_body(x);
        if (x->ready)
                return http_exchange_answer_early(x);
        x->state = HTTP_EXCHANGE_BODY;
        if (x->body_expected > 0 && x->conn->peer.kind == HTTP_PEER_TCP)
                (void) setsockopt(x->conn->fd, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int));
        return MHD_YES;
}

static enum MHD_Result http_exchange_step(struct http_exchange *x, const char *method,
                                          const char *data, size_t *size) {
        switch (x->state) {
        case HTTP_EXCHANGE_NEW:
                return http_exchange_on_header(x, method);
        case HTTP_EXCHANGE_BODY:
                if (*size > 0)
                        return http_exchange_on_body(x, data, size);
                if (!x->ready)
                        http_exchange_dispatch(x);
                return http_exchange_after(x);
        case HTTP_EXCHANGE_DRAIN:
                if (*size > 0)
                        return http_exchange_drain(x, size);
                return http_exchange_queue(x);
        case HTTP_EXCHANGE_HANDED:
                return http_exchange_after(x);
        case HTTP_EXCHANGE_DONE:
                break;
        }
        return MHD_NO;
}

enum MHD_Result http_exchange_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                         const char *method, const char *version, const char *data,
                                         size_t *size, void **ctx) {
        struct http_exchange *x = *ctx;

        if (!x || x->is_abandoned)
                return MHD_NO;
        return http_exchange_step(x, method, data, size);
}
