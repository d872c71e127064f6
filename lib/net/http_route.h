#pragma once
/* Route rows and their lookup. Pure.
 *
 * A path is made of '/'-separated segments; "{name}" takes one segment, "{name...}" as last segment
 * takes the rest (at least one character). Static rows win over patterns, and among patterns a
 * static segment wins over {name}, {name} over {rest...}. A row for GET answers HEAD as well. */
#include <stdbool.h>
#include <stddef.h>

struct http_request;

enum http_method {
        HTTP_OTHER,
        HTTP_GET,
        HTTP_HEAD,
        HTTP_POST,
        HTTP_PUT,
        HTTP_PATCH,
        HTTP_DELETE,
        HTTP_OPTIONS,
        HTTP_ANY, /* in a row only: every method, for forwarders */
};

enum http_route_flags {
        HTTP_INLINE = 0,           /* on the loop's thread: must not block */
        HTTP_WORKER = 1u << 0,     /* on a thread of the pool; with a body callback: only its end */
        HTTP_ANY_ORIGIN = 1u << 1, /* no Origin check (a state-changing row that carries a token) */
        HTTP_NO_GZIP = 1u << 2,
        HTTP_KEEP_RAW = 1u << 3, /* forwarders: no decoding or UTF-8 checks of path and query */
};

/* A handler replies and returns 0, or keeps the request and returns HTTP_LATER: then one
 * http_request_reply*() call must follow from any thread, and the request lives until it. A
 * negative errno becomes a 500 by the server's error formatter. */
#define HTTP_LATER 1

/* What a server's before hook answers when it would have to block: see http_server_options. */
#define HTTP_SLOW 3

/* A body delivered in pieces, in constant memory, on the loop's thread.
 *   begin  headers are in, nothing of the body: set up req->data. May reply (refusal): return
 *          HTTP_LATER then, no other callback comes.
 *   chunk  0 = consumed whole. HTTP_PAUSE = not consumed: the same piece comes again after
 *          http_request_body_resume(). Negative = broken: abort follows, then a 500 unless replied.
 *   end    is the row's handler: the whole body has come.
 *   abort  the body ends early (client gone, broken chunk): drop what was begun; end never comes.
 */
#define HTTP_PAUSE 2
struct http_body_ops {
        int (*begin)(struct http_request *req);
        int (*chunk)(struct http_request *req, const void *data, size_t size);
        void (*abort)(struct http_request *req);
};

struct http_route {
        enum http_method method;
        const char *path;
        int (*handle)(struct http_request *req);
        int min_role;                     /* the daemon's meaning (auth_role); not read here */
        unsigned flags;                   /* enum http_route_flags */
        size_t max_body;                  /* bytes; 0 = the server's default, SIZE_MAX = no limit */
        const struct http_body_ops *body; /* NULL = body collected into req->body */
        const void *data;                 /* the daemon's own per-row data */
};

/* A row in short: HTTP_ROUTE(HTTP_GET, "/x/{id}", x_api_get, AUTH_VIEWER, HTTP_WORKER), more fields
 * by name behind. For .def lists. */
#define HTTP_ROUTE(m, p, h, role, f, ...)                                                    \
        {                                                                                    \
                .method = (m), .path = (p), .handle = (h), .min_role = (role), .flags = (f), \
                ##__VA_ARGS__                                                                \
        }

/* At most this many {names} in one path. */
#define HTTP_ROUTE_PARAMS 8

struct http_route_match {
        const struct http_route *route;
        size_t n_params;
        struct {
                const char *name; /* in the row's path, name_size bytes */
                size_t name_size;
                const char *value; /* in the looked-up path, still encoded */
                size_t value_size;
        } params[HTTP_ROUTE_PARAMS];
};

struct http_route_table;

/* Rows are borrowed for the table's life. -EINVAL: bad path; -EEXIST: two rows for one method and
 * path; *ret_bad (may be NULL) is the row at fault. */
int http_route_table_new(const struct http_route *rows, size_t n_rows,
                         struct http_route_table **ret, const struct http_route **ret_bad);
struct http_route_table *http_route_table_free(struct http_route_table *t);

/* 0 = found, -ENOENT = no such path, -EOPNOTSUPP = the path has other methods (see _allowed). */
int http_route_find(const struct http_route_table *t, enum http_method method, const char *path,
                    struct http_route_match *ret);
/* "GET, HEAD, POST" for a path: the Allow header. Writes at most size bytes, always terminated. */
void http_route_allowed(const struct http_route_table *t, const char *path, char *ret, size_t size);

enum http_method http_route_method_parse(const char *name);
const char *http_route_method_print(enum http_method m);
