/* interrupt: who asked for what this thread carries out has a signal, or ends: it waits no longer.
 *
 * Only what changes nothing is given up (the caller says so); what goes to the bucket goes to its
 * end. A program that lives on is not bothered unless interrupt_set() says so (git's timers would
 * fail its own reads); one that ends anyway never waits for a bucket that is away.
 *
 * Threads: any. The kernel tells of the first signal only: a wait that was told looks again every
 * INTERRUPT_LOOK_FOR. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/base/macros.h"

#define INTERRUPT_LOOK_FOR (250 * USEC_PER_MSEC)

struct fuse_req;

/* At the start. always: by any signal, not only one that ends its process. */
void interrupt_set(bool always);
/* This thread carries req out from here on; NULL: nothing that may be given up. */
void interrupt_begin(struct fuse_req *req);

/* A wait of the request that this thread carries out. wake(): from any thread, once a signal came:
 * the waiter is to ask interrupt_is_wanted() now. It may take locks that the waiter takes. */
struct interrupt_wait {
        void (*wake)(void *ctx);
        void *ctx;
        uint64_t number; /* 0: nobody can interrupt */
        atomic_bool came;
        struct interrupt_wait *next;
};
/* w is filled in but for the rest. The caller holds no lock that wake() takes. */
void interrupt_wait_begin(struct interrupt_wait *w);
/* A signal came: wait no longer than INTERRUPT_LOOK_FOR before the next look. */
bool interrupt_came(const struct interrupt_wait *w);
/* When that is, by CLOCK_REALTIME: what a condition waits by. */
void interrupt_next_look(struct timespec *ret);
/* Under the lock: until the condition, or, once a signal came, no longer than to the next look. */
void interrupt_wait_on(const struct interrupt_wait *w, pthread_cond_t *cond, pthread_mutex_t *lock);
void interrupt_wait_end(struct interrupt_wait *w);

/* Is what this thread carries out to be given up? */
bool interrupt_is_wanted(void);

/* Pure: does /proc/PID/status say that SIGKILL is on its way, as it is with any signal that ends a
 * process? */
bool interrupt_says_ends(const char *status);
