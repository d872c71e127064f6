#pragma once
/* The HTTP/1.1 server: libmicrohttpd by its epoll fd on the daemon's loop, many listeners, route
 * rows.
 *
 * Threads: all calls on the loop's thread. Handlers run there too, or on the pool (HTTP_WORKER).
 * Limits: connections, header and body sizes, idle and slow clients, worker queue: all stated
 * below. */
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/net/http_listen.h"
#include "lib/net/http_request.h"
#include "lib/net/http_route.h"
#include "lib/net/loop.h"

struct http_server;

enum { HTTP_SERVER_SLOW_MAX = 32 };
#define HTTP_SERVER_QUIET_FOR (5 * USEC_PER_SEC)

struct http_server_options {
        struct loop *loop;
        void *ctx; /* req->ctx */
        /* Called after routing and before any of the body: Host and Origin were checked. Sets
         * req->identity. 0 = go on, HTTP_LATER = it has replied (refusal), negative = 500. On the
         * loop's thread: must not block unless req->may_block. With has_slow_before it says
         * HTTP_SLOW in place of that, what it set is forgotten, and it is called once more with
         * may_block on a thread that does nothing else; one at a time, so that who asks the same
         * finds what the first has learned. More than HTTP_SERVER_SLOW_MAX waiting → 503,
         * Retry-After. NULL = everybody may do everything. */
        int (*before)(struct http_request *req);
        bool has_slow_before;
        /* Writes the body of an error answer made by the server itself or
         * http_request_reply_error(). NULL = {"detail": message}. Returns the content type. */
        const char *(*error_format)(struct http_request *req, int status, const char *message,
                                    struct buf *out);
        /* Sees every finished request, on the loop's thread (access log). May be NULL. */
        void (*done)(struct http_request *req, int status, usec_t took_for);
        /* As Flask and the servers made with it answer: slashes at the beginning of a path count as
         * one; a path that is one of ours when all doubled slashes are made one, or with the slash
         * that ours ends with, is redirected there (308); OPTIONS of a path says which methods it
         * has. */
        bool like_flask;
        /* The row as which before sees what is no row's, unless its path has one for GET: who is
         * refused by it does not learn which paths there are. Its handler is not called. NULL =
         * before is not asked: 404, 405 at once. */
        const struct http_route *unrouted;
        const char *allowed_hosts; /* names besides localhost, space-separated; "*" = any; may be
                                      NULL */
        /* With ctx, on a worker's thread that had work and then none for HTTP_SERVER_QUIET_FOR:
         * what it keeps to be quick can be given back. May be NULL. */
        void (*rest)(void *ctx);
        unsigned n_workers;      /* 0 = 4 */
        unsigned n_worker_queue; /* requests waiting for a worker; more → 503; 0 = 256 */
        unsigned n_connections;  /* 0 = 1024; when full the longest idle one is closed */
        size_t max_body;         /* bytes, for rows without their own; 0 = 1 MiB */
        usec_t idle_for;         /* between requests and for the whole header; 0 = 75 s */
        usec_t stall_for;        /* a body or an answer that does not move; 0 = 60 s */
};

/* -EINVAL, -EEXIST with em naming the row at fault. Rows are borrowed. */
int http_server_new(const struct http_server_options *o, const struct http_route *rows,
                    size_t n_rows, struct http_server **ret, struct errmsg *em);
/* Closes every connection; requests still kept by handlers (HTTP_LATER) must have been replied or
 * be replied by nobody any more. */
struct http_server *http_server_free(struct http_server *s);
/* What is kept for requests to come is given back. */
void http_server_trim(struct http_server *s);
static inline void http_server_freep(struct http_server **s) {
        http_server_free(*s);
}

/* Takes the listener (also on failure) and starts accepting. */
int http_server_listen(struct http_server *s, struct http_listen *l);

/* Stops accepting, closes idle connections, then calls drained(ctx) once nothing is in flight.
 * Streams without end are told by their gone callback. */
int http_server_drain(struct http_server *s, void (*drained)(void *ctx), void *ctx);

struct http_server_stats {
        size_t n_connections, n_requests_active, n_requests_total, n_streams, n_worker_queue;
};
void http_server_stats(const struct http_server *s, struct http_server_stats *ret);
/* Prometheus text of all counters, per route. */
int http_server_metrics(const struct http_server *s, struct buf *out);
