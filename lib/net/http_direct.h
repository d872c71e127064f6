#pragma once
/* GETs made on the caller's own thread, over kept connections: what comes is received right into
 * the caller's memory. No loop, no other thread, no copy between: for answers that somebody waits
 * for, and for bulk.
 *
 * One try: a call that does not go as it mostly does is given back to be made another way (by an
 * http_client, which waits, tries again, and follows every turn of HTTP). curl makes the
 * connections: names, proxies, TLS and authorities are as everywhere.
 *
 * Threads: any, several at once. Limits: n_connections; what was idle for too long, a suspend
 * counted, is not used again. SIGPIPE is ignored by the program. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lib/base/macros.h"

#define HTTP_DIRECT_PAUSE_FOR (2 * USEC_PER_SEC) /* after a connection that could not be made */
#define HTTP_DIRECT_LOOK_FOR (250 * USEC_PER_MSEC)
#define HTTP_DIRECT_PIECES 8 /* places asked for at a time, at most */

struct http_direct;

struct http_direct_options {
        const char *origin;     /* "http://HOST:PORT" or "https://HOST" */
        const char *ca_file;    /* NULL = the system's */
        unsigned n_connections; /* 0 = 32 */
        usec_t connect_for;     /* 0 = 10 s */
        usec_t stall_for;       /* no byte for so long; 0 = 10 s */
        usec_t idle_for;        /* kept unused; 0 = 30 s */
        /* Asked every HTTP_DIRECT_LOOK_FOR on the thread that waits: true ends its call with
         * -EINTR. NULL: nobody gives up. */
        bool (*gives_up)(void);
};
int http_direct_new(const struct http_direct_options *o, struct http_direct **ret);
/* Nobody is in a call. NULL is fine. */
struct http_direct *http_direct_free(struct http_direct *d);
static inline void http_direct_freep(struct http_direct **d) {
        http_direct_free(*d);
}
/* Calls under way, and those that come later, end with -ECANCELED: within a second. */
void http_direct_stop(struct http_direct *d);

/* Closes what was idle for too long: now and then. */
void http_direct_trim(struct http_direct *d);

/* Strings are borrowed for the call. */
struct http_direct_request {
        const char *target;         /* "/path?query", encoded */
        const char *token;          /* Authorization: Bearer; NULL = none */
        const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
        uint64_t n_wanted;          /* the body's size, to the byte */
        bool is_range;              /* 206 is the answer, not 200 */
        usec_t first_for;           /* no byte of the answer for so long; 0: as of the others */
        /* Where the next bytes go: places in order, at most n_max; only once nothing is left: 0. */
        size_t (*rooms)(void *ctx, struct iovec *v, size_t n_max);
        /* n bytes are there. 0, or negative: ends the call with it. */
        int (*took)(void *ctx, size_t n);
        void *ctx;
};

struct http_direct_answer {
        int status;          /* 0: none came */
        uint64_t n_received; /* bytes of the body that were taken */
        usec_t first_after;  /* its first byte came after the request; 0: none came */
        usec_t took_for;
};

/* 0: all of the body came. 1: an answer of another kind came (its status says what), not a byte of
 * which was taken. -EBUSY: no connection is free; -EAGAIN: none could be made a moment ago;
 * took()'s own; -ECANCELED; -ETIMEDOUT, -ECONNRESET, -ECONNREFUSED, -EPROTO, … : n_received bytes
 * came. ret is set in any case. */
int http_direct_get(struct http_direct *d, const struct http_direct_request *r,
                    struct http_direct_answer *ret);
