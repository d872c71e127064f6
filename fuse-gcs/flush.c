#include "fuse-gcs/flush.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "fuse-gcs/commit.h"
#include "fuse-gcs/inode.h"
#include "fuse-gcs/writer.h"
#include "lib/base/crew.h"
#include "lib/base/mem.h"

/* So many are under way at once: each waits for the network nearly all of its time. */
#define FLUSH_THREADS 16

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

struct flush {
        struct mnt *m;
        struct inode **all;
        usec_t until_at;
        atomic_size_t n_good, n_failed;
};

static bool flush_one(struct flush *f, struct inode *i) {
        struct timespec until = mnt_deadline(f->until_at);
        int r;

        if (mnt_now() >= f->until_at ||
            pthread_mutex_clocklock(&i->lock, CLOCK_MONOTONIC, &until) != 0)
                return false;
        /* Who was refused at his close has been told that it is not there. */
        r = i->writer && i->writer->refused ? i->writer->refused : commit_inode(f->m, i);
        pthread_mutex_unlock(&i->lock);
        return r >= 0;
}

static bool flush_each(void *ctx, size_t k) {
        struct flush *f = ctx;

        atomic_fetch_add(flush_one(f, f->all[k]) ? &f->n_good : &f->n_failed, 1);
        pthread_mutex_lock(&f->m->tree);
        inode_forget(f->m, f->all[k], 1);
        pthread_mutex_unlock(&f->m->tree);
        return true;
}

int flush_all(struct mnt *m, usec_t until_at, struct flush_result *ret) {
        struct flush f = {.m = m, .until_at = until_at};
        size_t n;
        int r = flush_collect(m, &f.all, &n);

        *ret = (struct flush_result){};
        if (r < 0)
                return r;
        crew_run(n, FLUSH_THREADS, flush_each, &f);
        mem_free(f.all);
        *ret = (struct flush_result){.n_good = f.n_good, .n_failed = f.n_failed};
        return 0;
}
