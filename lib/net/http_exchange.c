/* Owns a request from its first line to its completion: the states of http_exchange.h. */
#include "lib/net/http_exchange.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/net/http_request_waker.h"

#define HTTP_EXCHANGE_ARENA_MAX (size_t) 0 /* bodies are limited by their rows */
#define HTTP_EXCHANGE_SPARE 16

/* --- suspension ------------------------------------------------------------------------------ */

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

void http_exchange_sweep(struct http_server *s, usec_t now) {
        for (struct http_exchange *x = s->suspended, *next; x; x = next) {
                next = x->next;
                if (!atomic_load(&x->gone) &&
                    (http_conn_hung_up(x->conn) || (s->is_draining && x->stream)))
                        atomic_store(&x->gone, true);
                if (x->stream && http_request_waker_sweep(x->stream, now))
                        http_exchange_resume(x);
                else if (x->body_paused && atomic_load(&x->gone))
                        http_exchange_resume(x);
        }
}

bool http_exchange_dribbles(struct http_exchange *x, usec_t now) {
        if ((x->state != HTTP_EXCHANGE_BODY && x->state != HTTP_EXCHANGE_DRAIN) || x->is_suspended)
                return false;
        if (now - x->window_at < x->server->options.stall_for)
                return false;
        if (x->n_window < HTTP_EXCHANGE_WINDOW_MIN)
                return true;
        x->n_window = 0;
        x->window_at = now;
        return false;
}

/* --- birth and death ------------------------------------------------------------------------- */

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

static void http_exchange_recycle(struct http_exchange *x) {
        struct http_server *s = x->server;

        if (x->response)
                MHD_destroy_response(x->response);
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

/* Is one of its tasks in the loop's queue? Then the memory must outlive it. */
static bool http_exchange_is_posted(const struct http_exchange *x) {
        return atomic_load(&x->body_resume_posted) || (atomic_load(&x->replied) && !x->ready);
}

bool http_exchange_bury(struct http_exchange *x) {
        if (!x->is_dead)
                return false;
        if (!http_exchange_is_posted(x))
                http_exchange_recycle(x);
        return true;
}

void http_exchange_free(struct http_exchange *x) {
        struct http_server *s = x->server;

        assert(!x->is_suspended);
        x->conn->exchange = NULL;
        x->conn = NULL;
        if (x->state == HTTP_EXCHANGE_BODY)
                http_exchange_body_abort(x);
        if (x->stream) {
                s->n_streams -= x->state == HTTP_EXCHANGE_DONE;
                http_request_waker_over(x->stream);
        }
        s->n_active--;
        x->is_dead = true;
        http_exchange_bury(x);
}

/* MHD would keep every pair of the query in the connection's memory, where a few hundred are too
 * many; we read the query ourselves. It finds an empty one. */
static void http_exchange_hide_query(char *uri) {
        char *query = strchr(uri, '?');

        if (query)
                query[1] = '\0';
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
        x->began_at = x->window_at = http_server_now();
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
                .may_block = !x->server->check,
        };
        x->req.target = arena_strdup(&x->arena, uri);
        http_exchange_hide_query((char *) uri); /* MHD's own buffer, which it cuts up next */
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
        c->has_served = true;
        http_conn_idle(c);
}

/* --- answers --------------------------------------------------------------------------------- */

static void http_exchange_arrived(struct http_exchange *x) {
        x->ready = true;
        if (x->is_suspended && !x->is_checking)
                http_exchange_resume(x);
}

static void http_exchange_on_answer_task(struct loop_task *t) {
        struct http_exchange *x = container_of(t, struct http_exchange, answer_task);

        http_exchange_arrived(x);
        http_exchange_bury(x);
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

void http_exchange_cut(struct http_exchange *x) {
        if (!atomic_exchange(&x->replied, true))
                http_exchange_deliver_answer(x, 500, NULL);
}

void http_exchange_fail(struct http_exchange *x, int r) {
        if (!atomic_load(&x->replied) &&
            http_request_reply_error(&x->req, 500, "Internal error: %s.", errmsg_strerror(r)) < 0)
                http_exchange_cut(x);
}

void http_exchange_refuse(struct http_exchange *x, int status, const char *message) {
        if (http_request_reply_error(&x->req, status, "%s", message) < 0)
                http_exchange_cut(x);
}

/* --- handlers -------------------------------------------------------------------------------- */

void http_exchange_run(struct http_exchange *x, int worker) {
        int r;

        x->req.worker = worker;
        r = x->match.route->handle(&x->req);
        /* Unless it is negative the request is answered or somebody else's by now: hands off. */
        if (r < 0)
                http_exchange_fail(x, r);
}

static void http_exchange_dispatch(struct http_exchange *x) {
        x->state = HTTP_EXCHANGE_HANDED;
        if (!(x->match.route->flags & HTTP_WORKER)) {
                http_exchange_run(x, -1);
        } else if (http_worker_submit(x->server->pool, x) < 0) {
                http_exchange_body_abort(x);
                (void) http_request_set_header(&x->req, "Retry-After", "1");
                http_exchange_refuse(x, 503,
                                     "The server is busy: too many requests wait. Try again.");
        }
}

static enum MHD_Result http_exchange_queue(struct http_exchange *x) {
        struct http_server *s = x->server;
        usec_t took_for = http_server_now() - x->began_at;
        enum MHD_Result r = MHD_NO;

        x->state = HTTP_EXCHANGE_DONE;
        if (x->is_lost)
                x->req.route = NULL; /* it was none of its own */
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

/* --- MHD's entry ----------------------------------------------------------------------------- */

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

/* Refuse, or begin with the body. MHD comes once more without data when the whole
 * request is in, also when it has no body; an answer queued before that would cost the connection.
 * A client that sends header and body apart and waits for our acknowledgement (Nagle) gets it at
 * once, not after the 40 ms of a delayed one. */
static enum MHD_Result http_exchange_on_checked(struct http_exchange *x) {
        if (!x->ready && x->match.route->body)
                http_exchange_body_begin(x);
        if (x->ready)
                return http_exchange_answer_early(x);
        x->state = HTTP_EXCHANGE_BODY;
        if (x->body_expected > 0 && x->conn->peer.kind == HTTP_PEER_TCP)
                (void) setsockopt(x->conn->fd, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int));
        return MHD_YES;
}

static enum MHD_Result http_exchange_on_header(struct http_exchange *x, const char *method) {
        http_conn_busy(x->conn);
        x->req.method = http_route_method_parse(method);
        x->req.method_name = arena_strdup(&x->arena, method);
        if (!x->req.target || !x->req.method_name)
                return MHD_NO;
        http_exchange_check(x);
        if (x->state != HTTP_EXCHANGE_CHECKING)
                return http_exchange_on_checked(x);
        http_exchange_suspend(x);
        return MHD_YES;
}

static enum MHD_Result http_exchange_step(struct http_exchange *x, const char *method,
                                          const char *data, size_t *size) {
        x->n_window += *size;
        switch (x->state) {
        case HTTP_EXCHANGE_NEW:
                return http_exchange_on_header(x, method);
        case HTTP_EXCHANGE_CHECKING: /* MHD repeats the call that was suspended */
                http_exchange_check_end(x);
                return http_exchange_on_checked(x);
        case HTTP_EXCHANGE_BODY:
                if (*size > 0)
                        return http_exchange_body_take(x, data, size);
                if (!x->ready)
                        http_exchange_dispatch(x);
                return http_exchange_after(x);
        case HTTP_EXCHANGE_DRAIN:
                if (*size > 0)
                        return http_exchange_body_drain(x, size);
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
        /* While the server ends, what is answered still goes out; nothing begins any more. */
        if (x->server->is_freeing && !x->ready)
                return MHD_NO;
        return http_exchange_step(x, method, data, size);
}
