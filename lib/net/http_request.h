#pragma once
/* One request and its answer.
 *
 * Everything reached from the request lives in its arena until the answer is out; handlers free
 * nothing. Between the handler's call and the reply one thread works on a request at a time;
 * reading is safe from the thread that has it. Strings are UTF-8 without NUL, decoded once. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/net/http_listen.h"
#include "lib/net/http_route.h"

struct auth_identity;
struct http_server;

struct http_request {
        struct http_server *server;
        void *ctx;                      /* the server's, http_server_options.ctx */
        const struct http_route *route; /* NULL only before routing (error_format) */
        enum http_method method;
        const char *method_name;
        const char *target; /* as sent: path and query, still encoded */
        const char *path;   /* of the target, still encoded */
        const char *query;  /* of the target, still encoded, "" when absent */
        char *body;         /* collected: NUL-terminated, writable; "" when none */
        size_t body_size;
        struct arena *arena;
        const struct http_peer *peer;
        const struct http_listen *listener;
        struct auth_identity *identity; /* set by the server's before hook */
        const void *access;             /* the before hook's own */
        void *data;                     /* the handler's own */
        const void *asked;              /* what the handler read from the body, for the done hook */
        int worker;                     /* index of the pool thread that runs it, else -1 */
        bool may_block;                 /* for the before hook: it may take its time */
};

/* --- reading --------------------------------------------------------------------------------- */

/* A {name} of the route's path, decoded; NULL when the row has no such name. */
const char *http_request_param(const struct http_request *req, const char *name);
/* First value of a query key, decoded; NULL when absent, "" when empty. */
const char *http_request_query(const struct http_request *req, const char *key);
/* Each value of a repeated key: start with *i = 0; NULL when there are no more. */
const char *http_request_query_next(const struct http_request *req, const char *key, size_t *i);
/* Each pair in order: start with *i = 0; false when there are no more. */
bool http_request_query_pair(const struct http_request *req, size_t *i, const char **ret_key,
                             const char **ret_value);
/* 0, -ENOENT absent (*ret untouched), -EINVAL not an integer, -ERANGE. */
int http_request_query_i64(const struct http_request *req, const char *key, int64_t *ret);
/* A header's first value, NULL when absent. Names without regard to case. */
const char *http_request_header(const struct http_request *req, const char *name);
/* Each header in order until `each` returns non-zero, which is returned. */
int http_request_header_each(const struct http_request *req,
                             int (*each)(void *ctx, const char *name, const char *value),
                             void *ctx);
/* A cookie's value (arena), NULL when absent. */
const char *http_request_cookie(const struct http_request *req, const char *name);
/* The media type without parameters, lower-case, "" when absent. */
const char *http_request_content_type(const struct http_request *req);
/* Content-Length, UINT64_MAX when the body is chunked, 0 when there is none. */
uint64_t http_request_content_length(const struct http_request *req);
/* The client hung up while the request was kept: the answer will not be read. */
bool http_request_gone(const struct http_request *req);
/* After HTTP_PAUSE: deliver the same piece again. From any thread. */
void http_request_body_resume(struct http_request *req);

/* --- answering: exactly one of these a request, from any thread ------------------------------ */

/* Adds a header to the answer to come. Name and value are copied; CR, LF or NUL → -EINVAL. */
int http_request_set_header(struct http_request *req, const char *name, const char *value);
/* Set-Cookie with HttpOnly, SameSite=Strict, Path=/; max_age_s 0 = session, negative = delete. */
int http_request_set_cookie(struct http_request *req, const char *name, const char *value,
                            int max_age_s);

/* 0 = answered: the request may be gone by then, do not touch it. Negative (-ENOMEM …): nothing was
 * answered; a handler returns that and the client gets a 500. */
/* Copies data. content_type NULL = none (status 204, 304). */
int http_request_reply(struct http_request *req, int status, const char *content_type,
                       const void *data, size_t size);
/* Data is borrowed for ever (static files in memory, constants). */
int http_request_reply_static(struct http_request *req, int status, const char *content_type,
                              const void *data, size_t size);
/* Takes the buffer's memory (also on failure); *b is empty after. */
int http_request_reply_buf(struct http_request *req, int status, const char *content_type,
                           struct buf *b);
/* application/json; takes the buffer. */
int http_request_reply_json(struct http_request *req, int status, struct buf *b);
/* text/plain; charset=utf-8 */
int http_request_reply_text(struct http_request *req, int status, const char *text);
int http_request_reply_empty(struct http_request *req, int status);
/* 302 or another 3xx with Location. */
int http_request_reply_redirect(struct http_request *req, int status, const char *location);
/* By the server's error formatter. message is for people: what, why, remedy. */
int http_request_reply_error(struct http_request *req, int status, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

/* For a request that was kept and cannot even be answered with an error (out of memory): cuts the
 * connection. Never fails. */
void http_request_reply_cut(struct http_request *req);

struct http_request_stream;
struct http_request_waker;

struct http_request_file {
        int fd; /* taken, also on failure; -1 with open */
        /* In place of fd: a stream of `size` bytes from `first` on; its gone() is called in any
         * case. ret_waker: see http_request_reply_stream(). */
        int (*open)(void *ctx, uint64_t first, uint64_t size, struct http_request_stream *ret);
        void *open_ctx;
        struct http_request_waker **ret_waker;
        uint64_t size;         /* of the whole file, bytes */
        const char *type;      /* content type; NULL = application/octet-stream */
        const char *etag;      /* without quotes; NULL = none */
        const char *filename;  /* Content-Disposition: attachment; NULL = none */
        const char *cache;     /* Cache-Control; NULL = none */
        const char *encoding;  /* Content-Encoding of pre-compressed files; NULL = none */
        int64_t modified_at_s; /* Last-Modified, Unix seconds; 0 = none */
};
/* 200, 206 for one satisfiable range, 304 for If-None-Match, 416. By sendfile. */
int http_request_reply_file(struct http_request *req, const struct http_request_file *f);

/* Size bytes of a file from offset, by sendfile, and nothing else: the status and the headers are
 * the caller's. Takes fd, also on failure. */
int http_request_reply_file_part(struct http_request *req, int status, const char *content_type,
                                 int fd, uint64_t offset, uint64_t size);
/* The answer to HEAD: a Content-Length without the content. */
int http_request_reply_file_head(struct http_request *req, int status, const char *content_type,
                                 uint64_t size);

/* An answer made piece by piece.
 *   pull  on the loop's thread: write up to size bytes into data; > 0 = bytes written, 0 = nothing
 * yet (called again after http_request_stream_wake()), HTTP_STREAM_END, or a negative errno: the
 *         connection is cut so that the client sees it as broken.
 *   gone  called exactly once when it is over, also after the end: free what is yours. The request
 *         must not be touched afterwards.
 * heartbeat: bytes sent when nothing came for 15 s (": \n\n" for SSE); NULL = none. */
#define HTTP_STREAM_END ((ssize_t) 0x40000000)
struct http_request_stream {
        ssize_t (*pull)(void *ctx, char *data, size_t size);
        void (*gone)(void *ctx);
        void *ctx;
        const char *heartbeat;
        int64_t size; /* Content-Length when known, -1 = chunked */
        bool no_gzip;
};
/* *ret (may be NULL) is a reference that is the caller's: http_request_waker_unref() it when no
 * more wakes will come; waking after gone() does nothing. On failure gone() has been called. */
int http_request_reply_stream(struct http_request *req, int status, const char *content_type,
                              const struct http_request_stream *s, struct http_request_waker **ret);
/* From any thread, any number of times: pull is called again soon. */
void http_request_waker_wake(struct http_request_waker *w);
struct http_request_waker *http_request_waker_ref(struct http_request_waker *w);
struct http_request_waker *http_request_waker_unref(struct http_request_waker *w);
