/* gcs_direct: calls of one bucket on the caller's own thread, content received where it is wanted
 * and sent from where it lies: one try over a kept connection. What does not go so (no token just
 * now, no connection, an answer that asks for another try, a connection that broke) is left to a
 * gcs_client, which has all the patience; after an answer that asks for patience nothing is tried
 * here for GCS_DIRECT_PAUSE_FOR.
 *
 * Threads: any. */
#pragma once

#include "lib/gcp/gcs_client.h"
#include "lib/gcp/gcs_patience.h"
#include "lib/net/http_direct.h"

#define GCS_DIRECT_PAUSE_FOR USEC_PER_SEC
#define GCS_DIRECT_PIECES HTTP_DIRECT_PIECES /* places asked for at a time, at most */

struct gcs_direct;

/* Where content goes. */
struct gcs_direct_sink {
        /* The next bytes' places, at most n_max, in order; 0: there is none. */
        size_t (*rooms)(void *ctx, struct iovec *v, size_t n_max);
        /* n bytes are there. 0, or negative: ends the call with it. */
        int (*took)(void *ctx, size_t n);
        void *ctx;
};

struct gcs_direct_options {
        const char *endpoint; /* from gcs_name_endpoint() */
        const char *bucket;
        const char *project; /* billed; NULL: the bucket's */
        const char *user_agent;
        unsigned n_connections;
        bool tries_once;  /* nobody makes a second try: what went wrong is the answer */
        usec_t stall_for; /* 0 = 10 s */
        usec_t chunk_for; /* of what carries content; 0 = 60 s */
        struct gcs_patience_options patience; /* with READs, before their first byte */
        /* Asked now and then by who waits: true gives the call back at once. NULL: nobody gives up.
         */
        bool (*gives_up)(void);
        /* Never waits: 0 and the caller's text (mem_free_secret()), NULL = none is needed; 1: none
         * is there. NULL: anonymous. */
        int (*token)(void *ctx, char **ret);
        /* As gcs_client_hooks', from any thread; may be NULL. */
        void (*tried)(void *ctx, enum gcs_verb verb, int status, int error, usec_t took_for,
                      uint64_t n_bytes);
        void *token_ctx, *tried_ctx;
};

/* Strings are copied. 0; -EINVAL: not such an endpoint; -ENOMEM. */
int gcs_direct_new(const struct gcs_direct_options *o, struct gcs_direct **ret);
/* Nobody is in a call. */
struct gcs_direct *gcs_direct_free(struct gcs_direct *d);
/* All calls end, and those that come later: within a second. */
void gcs_direct_stop(struct gcs_direct *d);

/* Closes connections that were idle for long: now and then. */
void gcs_direct_trim(struct gcs_direct *d);

/* q: a READ of a length; its sink and done() are not called. 0: all of it came. 1: it is to be gone
 * on with by a gcs_client: q's offset and length are what is left. Negative: the sink's, or
 * -ECANCELED. */
int gcs_direct_read(struct gcs_direct *d, struct gcs_request *q,
                    const struct gcs_direct_sink *sink);
/* q: any other call. 0: it ended, and q->done() was called. 1: it is to be gone on with by a
 * gcs_client: q says what was tried, and its budget is what is left of it. */
int gcs_direct_call(struct gcs_direct *d, struct gcs_request *q);
