#include "fuse-gcs/handle.h"

#include "lib/base/mem.h"

struct handle *handle_new(struct inode *i, bool may_write, bool appends) {
        struct handle *h = mem_new(struct handle);

        if (!h)
                return NULL;
        h->inode = i;
        h->may_write = may_write;
        h->appends = appends;
        pthread_mutex_init(&h->lock, NULL);
        i->n_open++;
        i->n_open_write += may_write;
        return h;
}

void handle_free(struct mnt *m, struct handle *h) {
        h->inode->n_open--;
        h->inode->n_open_write -= h->may_write;
        inode_forget(m, h->inode, 0);
        pthread_mutex_destroy(&h->lock);
        mem_free(h);
}
