#pragma once
/* The bounded pool of threads that runs HTTP_WORKER handlers. */
#include <stddef.h>

#include "lib/base/macros.h"

struct http_exchange;
struct http_worker_pool;

struct http_worker_options {
        unsigned n_threads, n_queue;
        void (*run)(struct http_exchange *x, int worker); /* on a thread of the pool */
        /* On a thread that had work and then none for `quiet_for`, once; NULL: nothing to do then.
         */
        void (*rest)(void *ctx);
        void *ctx;
        usec_t quiet_for;
};

int http_worker_new(const struct http_worker_options *o, struct http_worker_pool **ret);
/* Waits for handlers under way; what still queues is dropped unanswered. */
struct http_worker_pool *http_worker_free(struct http_worker_pool *p);
/* Loop's thread. -EBUSY when the queue is full. */
int http_worker_submit(struct http_worker_pool *p, struct http_exchange *x);
size_t http_worker_queued(struct http_worker_pool *p);
