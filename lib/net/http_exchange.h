#pragma once
/* Inside lib/net only: a request with what the server needs around it, and the connection it is on.
 *
 * States of an exchange (loop's thread):
 *   NEW → BODY → HANDED → DONE     the way of a request, also of one without a body
 *   NEW → CHECKING → BODY|DRAIN    the before hook takes its time on a thread of its own
 *   NEW|BODY → DRAIN → DONE        refused; what is left of the body is read and dropped first
 * HANDED: the handler, a worker or whoever kept the request has it; the connection is suspended
 * unless we are inside its callback. The answer comes by http_exchange_answer() from any thread. */
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/arena.h"
#include "lib/net/http_conn.h"
#include "lib/net/http_metrics.h"
#include "lib/net/http_query.h"
#include "lib/net/http_request.h"
#include "lib/net/http_server.h"
#include "lib/net/http_worker.h"

/* A refused request's body up to this size is read and dropped, so that the client sees the answer
 * and not a broken connection. */
#define HTTP_EXCHANGE_DRAIN_MAX (UINT64_C(64) << 20)
/* Refused requests with an Expect header or a larger body are answered at once and closed. */

/* A body that brings less than this in http_server_options.stall_for is cut off. */
#define HTTP_EXCHANGE_WINDOW_MIN 1024

enum http_exchange_state {
        HTTP_EXCHANGE_NEW,
        HTTP_EXCHANGE_CHECKING,
        HTTP_EXCHANGE_BODY,
        HTTP_EXCHANGE_DRAIN,
        HTTP_EXCHANGE_HANDED,
        HTTP_EXCHANGE_DONE,
};

struct http_exchange_header {
        struct http_exchange_header *next;
        const char *name, *value;
};

struct http_exchange {
        struct http_request req;
        struct http_server *server;
        struct http_conn *conn;
        struct arena arena;
        struct http_route_match match;
        enum http_exchange_state state;

        /* the query, parsed once before the handler */
        struct http_query_pair *query;
        size_t n_query;

        /* the slow before hook */
        bool is_checking; /* from its start until check_task has run: nothing else resumes it */
        int check_result; /* the thread's until then */
        struct loop_task check_task;
        bool is_lost; /* no row has it: that is what it is told once before says nothing else */
        int lost;     /* -ENOENT, -EOPNOTSUPP */

        /* the body */
        uint64_t body_expected; /* UINT64_MAX = chunked */
        size_t body_cap;
        uint64_t n_drained;
        uint64_t n_window; /* bytes since window_at, by which a dribbling client is known */
        usec_t window_at;
        bool body_begun; /* the row's begin() was called and abort() is owed */
        bool body_paused;
        atomic_bool body_resume_posted;
        struct loop_task body_task;

        /* the answer */
        struct http_exchange_header *headers;
        atomic_bool replied; /* somebody has made the answer */
        bool ready;          /* it has arrived on the loop's thread */
        int status;
        struct MHD_Response *response;
        struct http_request_waker *stream; /* a reference, while the answer is pulled */
        struct loop_task answer_task;

        bool is_suspended; /* MHD does not look at the connection */
        bool is_dead;      /* over, but a task of it is still posted */
        bool is_abandoned; /* the server is being freed */
        atomic_bool gone;
        usec_t began_at;                    /* CLOCK_MONOTONIC */
        struct http_exchange *next_work;    /* in the pool's queue */
        struct http_exchange *next, **prev; /* in the server's list of suspended or spare ones */
};

struct http_server {
        struct http_server_options options;
        struct loop *loop;
        pthread_t thread;
        struct MHD_Daemon *mhd;
        struct http_route_table *routes;
        const struct http_route *rows;
        size_t n_rows;
        struct http_worker_pool *pool;  /* made with the first HTTP_WORKER row */
        struct http_worker_pool *check; /* one thread, for a before hook that may be slow */
        struct http_metrics metrics;
        char *allowed_hosts;

        struct loop_source *mhd_io, *run_again, *sweep;
        struct http_server_listener {
                struct http_listen *listener;
                struct loop_source *io;
        } * listeners;
        size_t n_listeners;
        bool is_full; /* accepting is off until a connection closes or the sweep */
        bool is_draining, is_freeing, sweep_armed;

        struct http_conn *idle, **idle_tail; /* oldest first */
        struct http_conn *busy;
        struct http_conn *adding; /* given to MHD, not yet announced by it */
        struct http_exchange *suspended;
        struct http_exchange *spare; /* finished ones, for the next requests */
        size_t n_conns, n_active, n_requests, n_streams, n_spare;

        void (*drained)(void *ctx);
        void *drained_ctx;
};

static inline struct http_exchange *http_exchange_of(const struct http_request *req) {
        return container_of((struct http_request *) req, struct http_exchange, req);
}

/* MHD's callbacks. */
void *http_exchange_on_uri(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http_exchange_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                         const char *method, const char *version, const char *data,
                                         size_t *size, void **ctx);
void http_exchange_on_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
                                enum MHD_RequestTerminationCode why);

/* Hands the answer over, from any thread, and takes the response. -ENOMEM when it is NULL (nothing
 * is answered then); -EALREADY when the request has been answered: the response is dropped. */
int http_exchange_answer(struct http_exchange *x, int status, struct MHD_Response *response);
/* Not even an error can be said: the connection is cut. */
void http_exchange_cut(struct http_exchange *x);
void http_exchange_suspend(struct http_exchange *x);
void http_exchange_resume(struct http_exchange *x);
/* Once a second or so: who hung up, whose stream needs a heartbeat. */
void http_exchange_sweep(struct http_server *s, usec_t now);
/* Is this one waiting for a body that comes too slowly? */
bool http_exchange_dribbles(struct http_exchange *x, usec_t now);
void http_exchange_free(struct http_exchange *x);
/* True when it was dead: recycled then, once nothing of it is posted. */
bool http_exchange_bury(struct http_exchange *x);
/* The pool's entry. */
void http_exchange_run(struct http_exchange *x, int worker);

void http_exchange_fail(struct http_exchange *x, int r); /* a 500 unless it is answered */
void http_exchange_refuse(struct http_exchange *x, int status, const char *message);

/* In http_exchange_check.c: afterwards there is a reply, the row may have the request, or it is
 * CHECKING: then http_exchange_check_end() follows when it comes back. */
void http_exchange_check(struct http_exchange *x);
void http_exchange_check_end(struct http_exchange *x);
void http_exchange_check_slowly(struct http_exchange *x, int worker); /* the thread's entry */

/* In http_exchange_body.c. */
size_t http_exchange_body_max(const struct http_exchange *x); /* bytes */
void http_exchange_body_begin(struct http_exchange *x);
enum MHD_Result http_exchange_body_take(struct http_exchange *x, const char *data, size_t *size);
enum MHD_Result http_exchange_body_drain(struct http_exchange *x, size_t *size);
void http_exchange_body_abort(struct http_exchange *x); /* when its begin() is owed one */
void http_exchange_body_refuse_size(struct http_exchange *x);
void http_exchange_body_resume(struct http_exchange *x); /* any thread */

/* In http_server.c. */
usec_t http_server_now(void);
void http_server_run_soon(struct http_server *s);
