#pragma once
/* The workers of one service and the requests that wait for them.
 *
 * Jobs wait in order; each worker has at most one. A dead worker is started again after a back-off
 * that doubles from 100 ms to 10 s and is forgotten at its next answer. A job whose worker died
 * before its function was called goes back to the front, once. Threads: the loop's. */
#include "daemons/serving/pyworker.h"

enum pyworker_pool_outcome {
        PYWORKER_POOL_ANSWERED = 1,
        PYWORKER_POOL_FULL,      /* the queue had no room */
        PYWORKER_POOL_WAITED,    /* no worker was free in time */
        PYWORKER_POOL_LOST,      /* its worker died; the function may have run */
        PYWORKER_POOL_TIMED_OUT, /* the function ran too long */
        PYWORKER_POOL_NO_WORKER, /* no worker can load the functions; see pyworker_pool_trouble() */
        PYWORKER_POOL_ABANDONED, /* nobody waited for it any more; it was not begun */
};

struct pyworker_pool_job {
        struct pyworker_frame_request request; /* id is the pool's */
        /* Exactly once; m is set for ANSWERED and valid during the call. The job is the owner's
         * again. */
        void (*done)(struct pyworker_pool_job *job, enum pyworker_pool_outcome outcome,
                     const struct pyworker_frame_message *m);
        /* Does nobody wait for the answer any more? Asked before the work is given out; may be
         * NULL. */
        bool (*abandoned)(const struct pyworker_pool_job *job);
        void *ctx;
        /* the pool's own */
        struct pyworker_pool_job *next;
        usec_t deadline_at;
        unsigned n_retries;
};

struct pyworker_pool_options {
        struct loop *loop;
        struct pyworker_spec spec; /* what it points to is borrowed */
        unsigned n_workers;
        unsigned n_queue;
        usec_t timeout_for; /* of one job's waiting, and then of its running */
        /* For the log: something worth a line happened. May be NULL. */
        void (*notice)(void *ctx, const char *text);
        void *ctx;
};

struct pyworker_pool;

/* Starts the workers. 0, -ENOMEM. */
int pyworker_pool_new(const struct pyworker_pool_options *o, struct pyworker_pool **ret);
/* Kills the workers; jobs left are not called back. NULL is fine. */
struct pyworker_pool *pyworker_pool_free(struct pyworker_pool *p);

void pyworker_pool_submit(struct pyworker_pool *p, struct pyworker_pool_job *job);

/* Ends idle workers and starts none again; stopped(ctx) when all are down. */
void pyworker_pool_stop(struct pyworker_pool *p, void (*stopped)(void *ctx), void *ctx);

struct pyworker_pool_stats {
        unsigned n_workers, n_ready, n_busy, n_starting;
        unsigned n_queued;
        uint64_t n_restarts, n_answered, n_timed_out, n_lost, n_refused_full;
};
void pyworker_pool_stats(const struct pyworker_pool *p, struct pyworker_pool_stats *ret);
/* Why the last worker was lost, for people; "" when all is well. */
const char *pyworker_pool_trouble(const struct pyworker_pool *p);
/* The wait before a start after n_failures in a row. Pure. */
usec_t pyworker_pool_backoff(unsigned n_failures);
