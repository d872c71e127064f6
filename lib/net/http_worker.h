#pragma once
/* The bounded pool of threads that runs HTTP_WORKER handlers. */
#include <stddef.h>

struct http_exchange;
struct http_worker_pool;

/* run(x, index) is called on a thread of the pool. */
int http_worker_new(unsigned n_threads, unsigned n_queue,
                    void (*run)(struct http_exchange *x, int worker),
                    struct http_worker_pool **ret);
/* Waits for handlers under way; what still queues is dropped unanswered. */
struct http_worker_pool *http_worker_free(struct http_worker_pool *p);
/* Loop's thread. -EBUSY when the queue is full. */
int http_worker_submit(struct http_worker_pool *p, struct http_exchange *x);
size_t http_worker_queued(struct http_worker_pool *p);
