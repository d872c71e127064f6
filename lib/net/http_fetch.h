#pragma once
/* The blocking HTTP client for threads that may wait: https too, connections kept and used again.
 * Whole bodies both ways, so callers cut what is large into pieces and can repeat any piece. On a
 * loop see http_client.h; without TLS and curl see http_call.h.
 *
 * Threads: any; calls of several threads go side by side, each on its own connection. At most
 * HTTP_FETCH_IDLE connections are kept while nobody uses them. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

#define HTTP_FETCH_IDLE 16

struct http_fetch;

struct http_fetch_options {
        const char *ca_file;    /* PEM; NULL = the system's authorities */
        const char *user_agent; /* NULL = "onebox/VERSION" */
        bool are_secrets;       /* answers: what TLS and curl keep of them is overwritten */
};
/* o may be NULL. */
int http_fetch_new(const struct http_fetch_options *o, struct http_fetch **ret);
/* Nobody may be inside a call: http_fetch_cancel() and join first. NULL is fine. */
struct http_fetch *http_fetch_free(struct http_fetch *f);
DEFINE_CLEANUP(struct http_fetch *, http_fetch_free)
/* Calls under way end within a second with -ECANCELED, later ones at once. */
void http_fetch_cancel(struct http_fetch *f);
bool http_fetch_is_cancelled(const struct http_fetch *f);

/* Everything is borrowed for the call. */
struct http_fetch_call {
        const char *method;         /* NULL = GET, or POST when there is a body */
        const char *url;            /* http:// or https:// */
        const char *unix_path;      /* connect here instead; NULL = by the URL */
        bool no_proxy;              /* whatever the environment says */
        const char *token;          /* Authorization: Bearer; NULL = none */
        const char *content_type;   /* NULL = application/json when there is a body, "" = none */
        const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
        const void *body;           /* NULL = none; an empty one may be sent */
        size_t body_size;
        size_t max_body;    /* of the answer, bytes; 0 = 64 MiB; beyond it -EFBIG */
        usec_t connect_for; /* 0 = 10 s */
        usec_t stall_for;   /* no byte either way, in whole seconds; 0 = 60 s */
        usec_t total_for;   /* 0 = no limit */
};

struct http_fetch_answer {
        int status;
        struct buf head; /* header lines as they came, of the last answer only */
        struct buf body; /* NUL-terminated */
};
void http_fetch_answer_done(struct http_fetch_answer *a);
#define _cleanup_fetch_answer_ _cleanup_(http_fetch_answer_done)
/* A header's value without blanks around it, copied to ret; 0, -ENOENT, -E2BIG. */
int http_fetch_answer_header(const struct http_fetch_answer *a, const char *name, char *ret,
                             size_t ret_size);

/* 0 with any status; negative when no whole answer came, em says why (url without its query).
 * -ETIMEDOUT, -ECONNREFUSED, -ECONNRESET, -EHOSTUNREACH (no such host), -EKEYREJECTED (the
 * certificate is not good), -EFBIG, -EINVAL (not a URL, a header with a line break), -ECANCELED. */
int http_fetch(struct http_fetch *f, const struct http_fetch_call *c, struct http_fetch_answer *ret,
               struct errmsg *em);
