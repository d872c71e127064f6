#include "fuse-gcs/sweep.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "fuse-gcs/remote.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* Not at the end: then there is no remote any more. */
static bool sweep_may_begin(struct mnt *m) {
        bool may = !m->stopping;

        pthread_mutex_lock(&m->sweeps.lock);
        m->sweeps.n += may;
        pthread_mutex_unlock(&m->sweeps.lock);
        return may;
}

static void sweep_ends(struct mnt *m) {
        pthread_mutex_lock(&m->sweeps.lock);
        m->sweeps.n--;
        pthread_cond_broadcast(&m->sweeps.ended);
        pthread_mutex_unlock(&m->sweeps.lock);
}

static void sweep_learn(struct mnt *m, const struct gcs_answer *a) {
        /* It was gone: compose did that. */
        if (a->error == -ENOENT && !a->unsure)
                m->sure_delete = true;
}

/* --- one ------------------------------------------------------------------------------------- */

struct sweep_call {
        struct gcs_request q;
        struct mnt *m;
        char path[];
};

static void sweep_call_free(struct sweep_call *c) {
        struct mnt *m = c->m;

        mem_free(c);
        sweep_ends(m);
}

static void sweep_call_done(void *ctx, const struct gcs_answer *a) {
        struct sweep_call *c = ctx;

        sweep_learn(c->m, a);
        sweep_call_free(c);
}

void sweep_object(struct mnt *m, const char *path) {
        struct sweep_call *c = mem_zalloc(sizeof(*c) + strlen(path) + 1);

        if (!c || !sweep_may_begin(m)) {
                mem_free(c);
                return;
        }
        strcpy(c->path, path);
        c->m = m;
        gcs_request_init(&c->q, GCS_DELETE, c->path);
        c->q.done = sweep_call_done;
        c->q.ctx = c;
        if (remote_start(m->remote, &c->q) < 0)
                sweep_call_free(c);
}

/* --- the sources of a compose ---------------------------------------------------------------- */

struct sweep_list {
        struct gcs_request q;
        struct mnt *m;
        char **names;
        size_t n, at;
};

static void sweep_list_next(struct sweep_list *l) {
        struct mnt *m = l->m;

        if (l->at < l->n && !m->sure_delete) {
                l->q.name = l->names[l->at++];
                if (remote_start(m->remote, &l->q) >= 0)
                        return;
        }
        str_free_list(l->names);
        mem_free(l);
        sweep_ends(m);
}

/* The first that was gone tells that compose deletes them: so are the others. */
static void sweep_list_done(void *ctx, const struct gcs_answer *a) {
        struct sweep_list *l = ctx;

        sweep_learn(l->m, a);
        if (a->error == -ECANCELED)
                l->at = l->n;
        sweep_list_next(l);
}

void sweep_sources(struct mnt *m, char **names, size_t n) {
        struct sweep_list *l = n > 0 ? mem_new(struct sweep_list) : NULL;

        if (!l || !sweep_may_begin(m)) {
                mem_free(l);
                str_free_list(names);
                return;
        }
        l->m = m;
        l->names = names;
        l->n = n;
        gcs_request_init(&l->q, GCS_DELETE, NULL);
        l->q.done = sweep_list_done;
        l->q.ctx = l;
        sweep_list_next(l);
}

/* --- the end --------------------------------------------------------------------------------- */

size_t sweep_wait(struct mnt *m, usec_t until_at) {
        struct timespec until = mnt_deadline(until_at);
        size_t n;
        int r = 0;

        pthread_mutex_lock(&m->sweeps.lock);
        while (m->sweeps.n > 0 && r == 0)
                r = pthread_cond_clockwait(&m->sweeps.ended, &m->sweeps.lock, CLOCK_MONOTONIC,
                                           &until);
        n = m->sweeps.n;
        pthread_mutex_unlock(&m->sweeps.lock);
        return n;
}
