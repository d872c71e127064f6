#include "fuse-gcs/lent.h"

#include <pthread.h>

#include "lib/base/mem.h"

struct lent {
        atomic_uint n_refs;
        void *mem;
        atomic_size_t *account;
        size_t n_bytes;
};

/* The one used last is the first to be used again. */
static struct {
        pthread_mutex_t lock;
        void *all[LENT_SPARES];
        size_t n;
} lent_spares = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct lent *lent_new(struct lent_offer *o, atomic_size_t *account, size_t n_bytes) {
        struct lent *l = o && o->mem ? mem_new(struct lent) : NULL;

        if (!l)
                return NULL;
        *l = (struct lent){1, TAKE_PTR(o->mem), account, n_bytes};
        return l;
}

struct lent *lent_ref(struct lent *l) {
        atomic_fetch_add(&l->n_refs, 1);
        return l;
}

static void lent_spare_put(void *mem) {
        pthread_mutex_lock(&lent_spares.lock);
        if (lent_spares.n < LENT_SPARES)
                lent_spares.all[lent_spares.n++] = TAKE_PTR(mem);
        pthread_mutex_unlock(&lent_spares.lock);
        mem_free(mem);
}

struct lent *lent_unref(struct lent *l) {
        if (!l || atomic_fetch_sub(&l->n_refs, 1) > 1)
                return NULL;
        lent_spare_put(l->mem);
        atomic_fetch_sub(l->account, l->n_bytes);
        return mem_free(l);
}

void lent_page_done(struct lent_page *p) {
        if (p->of)
                p->of = lent_unref(p->of);
        else
                mem_free(p->data);
        p->data = NULL;
}

void *lent_spare_take(void) {
        void *mem;

        pthread_mutex_lock(&lent_spares.lock);
        mem = lent_spares.n > 0 ? lent_spares.all[--lent_spares.n] : NULL;
        pthread_mutex_unlock(&lent_spares.lock);
        return mem;
}

void lent_spare_trim(void) {
        void *mem;

        while ((mem = lent_spare_take()))
                mem_free(mem);
}
