#pragma once
/* The asynchronous HTTP client: curl-multi on the loop, with a connection pool.
 *
 * Threads: the loop's. Limits: n_connections in all, the rest queues; answers beyond max_body fail
 * with -EFBIG. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/net/loop.h"

struct http_client;
struct http_client_call;

struct http_client_options {
        unsigned n_connections; /* 0 = 32 */
        const char *ca_file;    /* NULL = the system's */
};
int http_client_new(struct loop *l, const struct http_client_options *o, struct http_client **ret);
/* Calls under way end with -ECANCELED. */
struct http_client *http_client_free(struct http_client *c);
static inline void http_client_freep(struct http_client **c) {
        http_client_free(*c);
}

struct http_client_answer {
        int error;                /* 0, or negative: no (whole) answer came; text says why */
        int status;               /* 0 when none came */
        const char *text;         /* for people when error < 0 */
        const char *content_type; /* "" when none */
        struct buf *body;         /* collected; the callback may take it */
};
/* A header of the answer, during done(); NULL when absent. */
const char *http_client_call_header(struct http_client_call *c, const char *name);
/* Inside write() and done(): the status, bytes of the body so far, and how many were announced
 * (-1: not known). */
int http_client_call_status(struct http_client_call *c);
uint64_t http_client_call_received(struct http_client_call *c);
int64_t http_client_call_expected(struct http_client_call *c);

/* Strings are copied; body is borrowed until done(). */
struct http_client_request {
        const char *method;         /* NULL = GET, or POST when there is a body */
        const char *url;            /* http:// or https:// */
        const char *unix_path;      /* connect here instead; NULL = by the URL */
        const char *token;          /* Authorization: Bearer; NULL = none */
        const char *content_type;   /* NULL = application/json when there is a body */
        const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
        const void *body;
        size_t body_size;
        /* Streaming the request instead: > 0 bytes written, 0 = end, -EAGAIN = nothing yet, then
         * http_client_call_resume(); other negative = abort. body_total -1 = chunked. */
        ssize_t (*read)(void *ctx, char *data, size_t size);
        int64_t body_total;
        /* Streaming the answer instead of collecting: 0 = taken, HTTP_CLIENT_PAUSE = not taken
         * (comes again after _resume), negative = abort. */
        int (*write)(void *ctx, struct http_client_call *call, const char *data, size_t size);
        /* Exactly once. The call is gone after it. */
        void (*done)(void *ctx, struct http_client_call *call, const struct http_client_answer *a);
        void *ctx;
        size_t max_body;    /* of a collected answer; 0 = 64 MiB */
        usec_t connect_for; /* 0 = 10 s */
        usec_t stall_for;   /* no byte either way; 0 = 60 s, UINT64_MAX = none */
        usec_t total_for;   /* 0 = no limit */
        bool public_only;   /* to addresses of the public internet only, and by no proxy */
        size_t io_size;     /* most bytes a read() or write(), for bulk; 0 = 16 KiB, 64 KiB */
};
#define HTTP_CLIENT_PAUSE 2

int http_client_start(struct http_client *c, const struct http_client_request *r,
                      struct http_client_call **ret);
void http_client_call_resume(struct http_client_call *call);
/* Ends it without done(). Not from inside its own read or write. NULL is fine. */
void http_client_call_cancel(struct http_client_call *call);
