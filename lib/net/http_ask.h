#pragma once
/* Asking a daemon behind a Unix socket, on the loop: whole bodies both ways, connections kept, no
 * foreign library. For the net beyond the machine, TLS and streams see http_client.h; without a
 * loop see http_call.h.
 *
 * Threads: the loop's. Limits: n_connections at once, the rest waits its turn in the order it came;
 * answers beyond max_body fail with -EFBIG.
 *
 * A kept connection that turns out closed before a byte of the answer came is replaced, once a
 * call: what is asked must bear being asked twice. */
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/macros.h"
#include "lib/net/loop.h"

struct http_ask;
struct http_ask_call;

/* n_connections 0 = 8. */
int http_ask_new(struct loop *l, const char *socket_path, unsigned n_connections,
                 struct http_ask **ret);
/* Calls under way end with -ECANCELED. Not from inside a done(). NULL is fine. */
struct http_ask *http_ask_free(struct http_ask *a);
const char *http_ask_path(const struct http_ask *a);

struct http_ask_answer {
        int error;        /* 0, or negative: no (whole) answer came */
        int status;       /* 0 when none came */
        struct buf *body; /* NUL-terminated; the callback may take it */
};

/* Everything is copied. */
struct http_ask_request {
        const char *method;       /* NULL = GET, or POST when there is a body */
        const char *target;       /* "/path?query", encoded by the caller */
        const char *token;        /* Authorization: Bearer; NULL = none */
        const char *content_type; /* NULL = application/json when there is a body */
        const void *body;         /* NULL = none */
        size_t body_size;
        size_t max_body;  /* of the answer, bytes; 0 = 1 MiB */
        usec_t total_for; /* from start to end, waiting for a turn counted; 0 = 60 s */
        /* Exactly once, never from inside http_ask_start(). The call is gone after it. */
        void (*done)(void *ctx, const struct http_ask_answer *a);
        void *ctx;
};

/* -EINVAL: a target, method, type or token that would not stay in its line; -ENOMEM; -ECANCELED: it
 * is being freed. ret may be NULL. */
int http_ask_start(struct http_ask *a, const struct http_ask_request *r,
                   struct http_ask_call **ret);
/* Ends it without done(). NULL is fine. */
void http_ask_cancel(struct http_ask_call *c);
