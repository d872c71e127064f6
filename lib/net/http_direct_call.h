#pragma once
/* Any request whose answer is small, on the caller's own thread over an http_direct's connections:
 * the body is sent from where it lies, the answer is kept in memory.
 *
 * One try, as http_direct_get(). Threads: any, several at once. */
#include <sys/uio.h>

#include "lib/base/buf.h"
#include "lib/net/http_direct.h"
#include "lib/net/http_response.h"

/* Strings and bytes are borrowed for the call. */
struct http_direct_call {
        const char *method;
        const char *target;         /* "/path?query", encoded */
        const char *token;          /* Authorization: Bearer; NULL = none */
        const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
        const char *content_type;   /* of the body; NULL: there is none */
        const struct iovec *body;
        size_t n_body;
        size_t max_answer; /* bytes of its body */
        usec_t stall_for;  /* no byte for so long; 0: the connections' */
};

struct http_direct_call_answer {
        int status; /* 0: none came */
        struct http_response head;
        struct buf body;
        bool was_sent; /* it may have been carried out, whatever came of it */
        bool unsure;   /* an earlier try may have been: its connection broke */
        usec_t took_for;
};
void http_direct_call_answer_done(struct http_direct_call_answer *a);

/* 0: an answer came, all of it, whatever it says. -EBUSY: no connection is free; -EAGAIN: none
 * could be made a moment ago; -ECANCELED; -EFBIG; -EINVAL; -ETIMEDOUT, -ECONNRESET, -ECONNREFUSED,
 * -EPROTO, … ret is set in any case. */
int http_direct_call(struct http_direct *d, const struct http_direct_call *c,
                     struct http_direct_call_answer *ret);
