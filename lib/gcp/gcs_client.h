/* gcs_client: calls of one bucket, tried again as long as that helps.
 *
 * A call goes: token → request → answer → (wait → again) → done(). 401 renews the token once; 408,
 * 429, 5xx, broken and stalled connections are tried again with full jitter until the budget ends.
 * A READ that broke off goes on where it was: its sink sees every byte once.
 *
 * Threads: the loop's, but gcs_client_submit(), gcs_client_give_up() and gcs_client_stop():
 * any. */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/entropy.h"
#include "lib/gcp/gcs_answer.h"
#include "lib/gcp/gcs_request.h"
#include "lib/gcp/gcs_retry.h"
#include "lib/net/http_client.h"
#include "lib/net/loop.h"

struct gcs_client;

/* Where tokens come from; NULL functions: anonymous. */
struct gcs_client_auth {
        /* done(): exactly once, on the loop, text NULL = none is needed; not from inside. */
        int (*get)(void *ctx,
                   void (*done)(void *done_ctx, int error, const char *text, const char *why),
                   void *done_ctx);
        /* The token is of no use: true when asking again gives another one. */
        bool (*invalidate)(void *ctx, const char *text);
        void *ctx;
};

/* What is counted and limited, called on the loop. */
struct gcs_client_hooks {
        /* How long a request must wait for its turn; 0: goes now. */
        usec_t (*pace)(void *ctx, enum gcs_verb verb, uint64_t n_bytes);
        /* After each try; by a gcs_direct, from any thread. */
        void (*tried)(void *ctx, enum gcs_verb verb, int status, int error, usec_t took_for,
                      uint64_t n_bytes);
        void *ctx;
};

struct gcs_client_options {
        const char *endpoint; /* from gcs_name_endpoint() */
        const char *bucket;
        const char *project; /* billed; NULL: the bucket's */
        const char *user_agent;
        struct gcs_client_auth auth;
        struct gcs_client_hooks hooks;
        struct gcs_retry_policy retry;
        struct entropy *entropy; /* NULL: the system's */
        usec_t stall_for;        /* no byte for so long: a new try; 0 = 10 s */
        usec_t chunk_for;        /* the same of what carries content; 0 = 60 s */
};

/* http: lives on; strings are copied. */
int gcs_client_new(struct loop *l, struct http_client *http, const struct gcs_client_options *o,
                   struct gcs_client **ret);
/* Calls under way end with -ECANCELED first. On the loop's thread, or after it ended. */
struct gcs_client *gcs_client_free(struct gcs_client *c);

/* On the loop's thread. q and what it points to stay until q->done(), which comes exactly once and
 * not from inside this call. 0 or -ENOMEM, -EINVAL (then done() does not come). */
int gcs_client_start(struct gcs_client *c, struct gcs_request *q);
/* From any thread; a call that cannot be started comes back through done(). -ENOMEM. */
int gcs_client_submit(struct gcs_client *c, struct gcs_request *q);
/* From any other thread: q's call ends with -EINTR through done() before this returns, unless it
 * ended or nobody began it. */
void gcs_client_give_up(struct gcs_client *c, const struct gcs_request *q);
/* Ends all calls, and those that come later, with -ECANCELED. */
void gcs_client_stop(struct gcs_client *c);
