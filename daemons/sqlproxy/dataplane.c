/* Owns the workers; every call from the control loop becomes a letter to them. */
#include "daemons/sqlproxy/dataplane.h"

#include <errno.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemons/sqlproxy/worker.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define WORKERS_MAX 64

static unsigned n_cores(void) {
        long n = sysconf(_SC_NPROCESSORS_ONLN);

        return (unsigned) MIN(MAX(n, 1L), (long) WORKERS_MAX);
}

int dataplane_new(const struct dataplane_options *o, struct dataplane **ret, struct errmsg *em) {
        struct dataplane *d = mem_new(struct dataplane);
        unsigned n = o->n_workers ?: n_cores();
        int r = -ENOMEM;

        if (!d)
                return errmsg_errno(em, r, "cannot make the threads");
        d->n_max = o->n_max;
        d->closed = o->closed;
        d->ctx = o->ctx;
        d->has_socks = o->socks && socks_parse_url(o->socks, &d->socks) >= 0;
        d->no_proxy = mem_strdup(o->no_proxy);
        d->workers = mem_zalloc_array(n, sizeof *d->workers);
        for (r = d->workers ? 0 : -ENOMEM; r >= 0 && d->n_workers < n; d->n_workers++)
                r = worker_init(d->workers + d->n_workers, d, d->n_workers);
        for (unsigned i = 0; r >= 0 && i < n; i++)
                r = worker_start(d->workers + i);
        if (r < 0) {
                dataplane_free(d);
                return errmsg_errno(em, r, "cannot start the threads");
        }
        *ret = d;
        return 0;
}

struct dataplane *dataplane_free(struct dataplane *d) {
        if (!d)
                return NULL;
        for (unsigned i = 0; i < d->n_workers; i++)
                worker_join(d->workers + i);
        for (unsigned i = 0; i < d->n_workers; i++)
                worker_done(d->workers + i);
        mem_free(d->workers);
        mem_free(d->no_proxy);
        return mem_free(d);
}

void dataplane_wake(struct dataplane *d) {
        for (unsigned i = 0; i < d->n_workers; i++)
                worker_wake(d->workers + i);
}

/* --- letters to every worker ----------------------------------------------------------------- */

struct order {
        struct worker_letter letter;
        void (*what)(struct worker *w, void *ctx);
        void *ctx;
        sem_t *done; /* NULL: nobody waits */
};

static void on_order(struct worker *w, struct worker_letter *letter) {
        struct order o = *container_of(letter, struct order, letter);

        mem_free(letter);
        o.what(w, o.ctx);
        if (o.done)
                sem_post(o.done);
}

/* Returns when every worker has done it. */
static int order_all(struct dataplane *d, void (*what)(struct worker *w, void *ctx), void *ctx) {
        unsigned n_sent = 0;
        sem_t done;

        sem_init(&done, 0, 0);
        for (; n_sent < d->n_workers; n_sent++) {
                struct order *o = mem_new(struct order);

                if (!o)
                        break;
                *o = (struct order){
                        .letter.run = on_order, .what = what, .ctx = ctx, .done = &done};
                worker_post(d->workers + n_sent, &o->letter);
        }
        for (unsigned i = 0; i < n_sent; i++)
                while (sem_wait(&done) < 0)
                        ;
        sem_destroy(&done);
        return n_sent == d->n_workers ? 0 : -ENOMEM;
}

static void listen_here(struct worker *w, void *ctx) {
        struct mount *m = ctx;

        /* One of the sleeping threads is woken, not all of them. */
        (void) worker_ask(w, m->ends + w->index, EPOLLIN | EPOLLEXCLUSIVE);
}

int dataplane_serve(struct dataplane *d, struct mount *m) {
        m->ends = mem_zalloc_array(d->n_workers, sizeof *m->ends);
        if (!m->ends)
                return -ENOMEM;
        for (unsigned i = 0; i < d->n_workers; i++)
                m->ends[i] =
                        (struct worker_end){.kind = WORKER_END_LISTENER, .fd = m->fd, .mount = m};
        return order_all(d, listen_here, m);
}

static void deaf_here(struct worker *w, void *ctx) {
        struct mount *m = ctx;

        (void) worker_ask(w, m->ends + w->index, 0);
}

void dataplane_unserve(struct dataplane *d, struct mount *m) {
        if (m->ends)
                (void) order_all(d, deaf_here, m);
}

static void cut_list(struct link *l, const struct instance *i) {
        struct link *next;

        for (; l; l = next) {
                next = l->next;
                if (l->mount->instance == i)
                        link_close(l);
        }
}

static void cut_here(struct worker *w, void *ctx) {
        cut_list(w->open, ctx);
}

void dataplane_cut(struct dataplane *d, const struct instance *i) {
        (void) order_all(d, cut_here, (void *) i);
}

/* --- probes ---------------------------------------------------------------------------------- */

struct probe {
        struct worker_letter letter;
        struct mount *mount;
        void (*done)(void *ctx, int r, const struct errmsg *em);
        void *ctx;
};

static void on_probe(struct worker *w, struct worker_letter *letter) {
        struct probe p = *container_of(letter, struct probe, letter);
        struct errmsg em = {};
        struct link *l;
        int r;

        mem_free(letter);
        r = link_new(w, p.mount, -1, &l);
        if (r < 0) {
                errmsg_errno(&em, r, "cannot dial");
                p.done(p.ctx, r, &em);
                return;
        }
        atomic_fetch_add(&w->n_links, 1);
        l->is_probe = true;
        l->probed = p.done;
        l->probed_ctx = p.ctx;
        link_dial_go(l);
}

int dataplane_probe(struct dataplane *d, struct mount *m,
                    void (*done)(void *ctx, int r, const struct errmsg *em), void *ctx) {
        struct probe *p = mem_new(struct probe);

        if (!p)
                return -ENOMEM;
        *p = (struct probe){.letter.run = on_probe, .mount = m, .done = done, .ctx = ctx};
        worker_post(d->workers + atomic_fetch_add(&d->next, 1) % d->n_workers, &p->letter);
        return 0;
}
