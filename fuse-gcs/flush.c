#include "fuse-gcs/flush.h"

#include <errno.h>

#include "fuse-gcs/commit.h"
#include "fuse-gcs/inode.h"
#include "lib/base/mem.h"

/* Referenced, so that none goes meanwhile. */
static int flush_collect(struct mnt *m, struct inode ***ret, size_t *ret_n) {
        struct inode **all;
        size_t n = 0;

        pthread_mutex_lock(&m->tree);
        all = mem_alloc_array(m->n_inodes + 1, sizeof(*all));
        for (size_t s = 0; all && s < m->n_inode_slots; s++)
                for (struct inode *i = m->inodes[s]; i; i = i->next_in_slot)
                        if (i->is_dirty) {
                                i->n_lookup++;
                                all[n++] = i;
                        }
        pthread_mutex_unlock(&m->tree);
        *ret = all;
        *ret_n = n;
        return all ? 0 : -ENOMEM;
}

static void flush_one(struct mnt *m, struct inode *i, bool only_free, struct flush_result *ret) {
        int r;

        if (!only_free) {
                pthread_mutex_lock(&i->lock);
        } else if (pthread_mutex_trylock(&i->lock) != 0) {
                ret->n_failed++;
                return;
        }
        r = commit_inode(m, i);
        pthread_mutex_unlock(&i->lock);
        if (r < 0)
                ret->n_failed++;
        else
                ret->n_good++;
}

int flush_all(struct mnt *m, bool only_free, usec_t until_at, struct flush_result *ret) {
        struct inode **all;
        size_t n;
        int r = flush_collect(m, &all, &n);

        *ret = (struct flush_result){};
        if (r < 0)
                return r;
        for (size_t k = 0; k < n; k++) {
                if (mnt_now() < until_at)
                        flush_one(m, all[k], only_free, ret);
                else
                        ret->n_failed++;
                pthread_mutex_lock(&m->tree);
                inode_forget(m, all[k], 1);
                pthread_mutex_unlock(&m->tree);
        }
        mem_free(all);
        return 0;
}
