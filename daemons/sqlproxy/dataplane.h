/* dataplane: the threads that carry bytes, one a core, and what they share.
 *
 * The control loop calls what stands here; workers and links are reached through nothing else. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemons/sqlproxy/identity.h"
#include "daemons/sqlproxy/socks.h"
#include "lib/base/errmsg.h"

#define DATAPLANE_PORT 3307

struct instance;
struct worker;

/* Where clients come in: one listening socket of one instance. */
struct mount {
        struct instance *instance;
        enum identity_path path;
        bool is_unix;
        int fd;                  /* listening; -1 = closed */
        char address[128];       /* "127.0.0.1:5432" or the socket's path, as logged */
        char *unix_path;         /* to be removed at the end; NULL = none */
        bool is_kept;            /* the service manager has it too: its path stays */
        struct worker_end *ends; /* one for each worker */
        struct mount *next;
};

struct dataplane_options {
        unsigned n_workers;   /* 0 = one for each core */
        uint64_t n_max;       /* connections; 0 = no limit */
        const char *socks;    /* ALL_PROXY's value; NULL = none */
        const char *no_proxy; /* NULL = none */
        /* A connection closed, or was refused for n_max: from a worker's thread. May be NULL. */
        void (*closed)(void *ctx);
        void *ctx;
};

struct dataplane {
        struct worker *workers;
        unsigned n_workers;
        uint64_t n_max;
        bool has_socks;
        struct socks_proxy socks;
        char *no_proxy;
        atomic_ullong n_open; /* accepted and not closed yet */
        atomic_uint next;     /* worker, for ties */
        void (*closed)(void *ctx);
        void *ctx;
};

int dataplane_new(const struct dataplane_options *o, struct dataplane **ret, struct errmsg *em);
/* Closes every connection and joins the threads. */
struct dataplane *dataplane_free(struct dataplane *d);

/* Starts accepting on m->fd. -ENOMEM … */
int dataplane_serve(struct dataplane *d, struct mount *m);
/* Stops accepting; the fd is the caller's again once this returns. */
void dataplane_unserve(struct dataplane *d, struct mount *m);
/* An instance has changed: who waits for it looks again. Any thread. */
void dataplane_wake(struct dataplane *d);
/* Cuts every connection of an instance. */
void dataplane_cut(struct dataplane *d, const struct instance *i);
/* Dials an instance as a client would, closes again and calls done(ctx, r, em) on a worker's
 * thread: for connection tests and readiness. -ENOMEM. */
int dataplane_probe(struct dataplane *d, struct mount *m,
                    void (*done)(void *ctx, int r, const struct errmsg *em), void *ctx);
