#include "fuse-gcs/handle.h"

#include <stdatomic.h>

#include "lib/base/mem.h"

static atomic_uint_least64_t n_made;

struct handle *handle_new(struct mnt *m, struct inode *i, bool may_write, bool appends) {
        struct handle *h = mem_new(struct handle);

        if (!h)
                return NULL;
        h->inode = i;
        h->number = atomic_fetch_add(&n_made, 1);
        h->n_bad = i->n_bad;
        h->may_write = may_write;
        h->appends = appends;
        pthread_mutex_init(&h->lock, NULL);
        h->next = m->handles;
        h->prev = &m->handles;
        if (h->next)
                h->next->prev = &h->next;
        m->handles = h;
        i->n_open++;
        i->n_open_write += may_write;
        return h;
}

void handle_free(struct mnt *m, struct handle *h) {
        *h->prev = h->next;
        if (h->next)
                h->next->prev = h->prev;
        h->inode->n_open--;
        h->inode->n_open_write -= h->may_write;
        inode_forget(m, h->inode, 0);
        pthread_mutex_destroy(&h->lock);
        mem_free(h);
}

void handle_free_all(struct mnt *m) {
        while (m->handles)
                handle_free(m, m->handles);
}
