/* remote: the bucket, as the mount sees it: calls that wait, from any thread.
 *
 * Below it is lib/gcp's client on the network loop, or a test's bucket in memory. */
#pragma once

#include <pthread.h>

#include "fuse-gcs/fetch_pool.h"
#include "lib/gcp/gcs_client.h"
#include "lib/gcp/gcs_direct.h"
#include "lib/gcp/gcs_object.h"

struct remote;

struct remote_ops {
        /* From any thread: q->done() comes exactly once, on a thread of the remote's own. 0 or
         * negative (then it does not come). */
        int (*start)(struct remote *r, struct gcs_request *q);
        /* The same, on the caller's thread where that goes at once; NULL: as start(). */
        int (*call)(struct remote *r, struct gcs_request *q);
        /* A call that start() began ends now, with -EINTR, unless it has ended. Returns when that
         * is so, or when it could not be found; NULL: there is no such way. */
        void (*give_up)(struct remote *r, struct gcs_request *q);
        /* A READ on the caller's thread, as gcs_direct_read(); NULL: there is no such way. */
        int (*read)(struct remote *r, struct gcs_request *q, const struct gcs_direct_sink *sink);
};

struct remote {
        const struct remote_ops *ops;
};

/* What a waiting call brings back; remote_answer_done() it. */
struct remote_answer {
        int error;
        int status;
        bool unsure;
        char text[256];
        char *body;
        size_t body_len;
        char *location;
        uint64_t n_committed;
        uint64_t n_read;
        int64_t generation;
        usec_t ended_at; /* mnt_now() */
};
void remote_answer_done(struct remote_answer *a);
#define _cleanup_answer_ _cleanup_(remote_answer_done)

/* A call under way: start it, do something else, wait for it once. */
struct remote_wait {
        struct gcs_request q;
        struct remote *remote;
        pthread_mutex_t lock;
        pthread_cond_t cond;
        bool is_done;
        struct remote_answer answer;
};
/* w->q is filled in; 0 or negative. w stays until remote_wait_end(). */
int remote_wait_begin(struct remote *r, struct remote_wait *w);
/* The answer becomes the caller's; its error is returned: -EINTR where it was given up
 * (interrupt.h). */
int remote_wait_end(struct remote_wait *w, struct remote_answer *ret);
bool remote_wait_is_done(struct remote_wait *w);

/* Both at once. */
int remote_call(struct remote *r, const struct gcs_request *q, struct remote_answer *ret);
int remote_start(struct remote *r, struct gcs_request *q);
/* A list, page by page: page() gets each and may change what the next is asked with. 0: and so on;
 * 1: that is enough; negative. The end's is returned: 0 (also for enough) or negative. */
typedef int remote_page_fn(void *ctx, const struct gcs_object_list *l, struct gcs_request *q);
int remote_each_page(struct remote *r, struct gcs_request *q, remote_page_fn *page, void *ctx);
/* A READ that the caller makes itself: 0 all came; 1: start what is left of it; negative. */
int remote_read(struct remote *r, struct gcs_request *q, const struct gcs_direct_sink *sink);

/* The real one; c, d (NULL: all goes over the loop), senders (NULL: none) and bucket (NULL: theirs)
 * live on. senders: threads that send what is much. */
struct remote_gcs {
        struct remote remote;
        struct gcs_client *client;
        struct gcs_direct *direct;
        struct fetch_pool *senders;
        const char *bucket;
};
void remote_gcs_init(struct remote_gcs *r, struct gcs_client *c, struct gcs_direct *d,
                     struct fetch_pool *senders, const char *bucket);
