/* worker: one thread of the dataplane: an epoll, its links, its scratch memory.
 *
 * Everything here belongs to the thread, but the mailbox. */
#pragma once

#include <pthread.h>

#include "daemons/sqlproxy/link.h"

/* Bytes read in one go. */
#define WORKER_SCRATCH ((size_t) 128 * 1024)
/* Room before the scratch for bytes that were held back (see mdx_filter). */
#define WORKER_SCRATCH_HEAD ((size_t) 64)

/* What other threads want of a worker. */
struct worker_letter {
        struct worker_letter *next;
        void (*run)(struct worker *w, struct worker_letter *letter); /* frees it */
};

struct worker {
        struct dataplane *dataplane;
        unsigned index;
        pthread_t thread;
        bool has_thread;
        int epoll_fd;
        int reserve_fd; /* given up for a moment when descriptors run out */
        struct worker_end wake;
        char *scratch; /* WORKER_SCRATCH_HEAD + WORKER_SCRATCH bytes */
        atomic_uint n_links;
        unsigned n_crowd;     /* the most links since memory was given back */
        struct link *waiting; /* for an identity */
        struct link *dialing;
        struct link *open;
        struct link *again, **again_tail;
        struct link *dead;
        usec_t now_at; /* of this turn, monotonic */
        usec_t no_fd_told_at;
        bool is_stopping;

        pthread_mutex_t lock; /* of the mailbox */
        struct worker_letter *letters, **letters_tail;
        atomic_bool is_woken; /* look at the waiting links */
};

int worker_init(struct worker *w, struct dataplane *d, unsigned index);
int worker_start(struct worker *w);
void worker_join(struct worker *w);
void worker_done(struct worker *w);
/* Any thread. */
void worker_post(struct worker *w, struct worker_letter *letter);
void worker_wake(struct worker *w);

/* Asks epoll for events of an end; 0 = it forgets the fd. */
int worker_ask(struct worker *w, struct worker_end *end, uint32_t events);
void worker_again(struct worker *w, struct link *l);
