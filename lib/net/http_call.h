#pragma once
/* A blocking HTTP/1.1 call for commands and the shim: plain HTTP over a Unix socket or loopback
 * TCP, no foreign library. For TLS and many calls at once see http_client.h. */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

/* Where to and what. Everything is borrowed for the call. */
struct http_call {
        const char *address;        /* "unix:/path", "HOST:PORT" or "[::1]:PORT" */
        const char *method;         /* NULL = GET, or POST when there is a body */
        const char *target;         /* "/path?query", encoded by the caller */
        const char *content_type;   /* NULL = application/json when there is a body */
        const char *token;          /* Authorization: Bearer; NULL = none */
        const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
        const void *body;
        size_t body_size;
        size_t max_body;    /* of the answer, bytes; 0 = 64 MiB; beyond it -EFBIG */
        usec_t connect_for; /* 0 = 5 s */
        usec_t stall_for;   /* longest wait for the next byte; 0 = 60 s, UINT64_MAX = none */
        /* When set, a 2xx answer's body is given here piece by piece instead of into `ret->body`
         * (log tails, events). Non-zero ends the call with that value. */
        int (*chunk)(void *ctx, const char *data, size_t size);
        void *chunk_ctx;
};

struct http_call_answer {
        int status;
        char content_type[128];
        struct buf body; /* NUL-terminated; buf_done() it, or http_call_answer_done() */
};

/* 0 with any status (positive: what chunk returned); -ECONNREFUSED/-ENOENT nobody there,
 * -ETIMEDOUT, -EPROTO not HTTP, -EFBIG, -ECONNRESET. em says what, why and the remedy. */
int http_call(const struct http_call *c, struct http_call_answer *ret, struct errmsg *em);
void http_call_answer_done(struct http_call_answer *a);
