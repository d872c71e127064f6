#include "fuse-gcs/forgetter.h"

#include <errno.h>
#include <string.h>

#include "fuse-gcs/buckets.h"
#include "fuse-gcs/inode.h"
#include "fuse-gcs/ops_file.h"
#include "lib/base/mem.h"

#define FORGETTER_MIN 8192
#define FORGETTER_COST 448   /* bytes of memory an inode takes, with its path and attributes */
#define FORGETTER_BYTES 1024 /* of the stat cache for each inode */
#define FORGETTER_BATCH 256
#define FORGETTER_SLOTS 4096 /* are looked at before others get the tree */

/* One a process, as the session is. */
static struct {
        pthread_mutex_t lock;
        pthread_cond_t more;
        pthread_t thread;
        struct mnt *top;
        struct forgetter_kernel *kernel;
        atomic_bool runs, wanted, stops;
} forgetter = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

struct forgetter_name {
        uint64_t parent;
        char *name;
};

/* Some of what is to go. */
struct forgetter_batch {
        uint64_t inos[FORGETTER_BATCH];
        struct forgetter_name names[FORGETTER_BATCH]; /* where it is asked for by name */
        size_t n;
};

size_t forgetter_limit(const struct mnt *m) {
        return MAX((size_t) FORGETTER_MIN, m->o.stat_bytes_max / FORGETTER_BYTES);
}

static size_t forgetter_target(const struct mnt *m) {
        return forgetter_limit(m) / 4 * 3;
}

/* The stat cache makes room for them: both are what is known of names. */
static void forgetter_account(struct mnt *m) {
        size_t max = m->o.stat_bytes_max;

        if (max != SIZE_MAX)
                stat_cache_limit(m->stats, max - MIN(max / 4 * 3, m->n_inodes * FORGETTER_COST));
}

void forgetter_look(struct mnt *m) {
        forgetter_account(m);
        if (m->n_inodes <= MAX(m->forget_at, forgetter_limit(m)) || !forgetter.runs ||
            forgetter.wanted)
                return;
        pthread_mutex_lock(&forgetter.lock);
        forgetter.wanted = true;
        pthread_cond_signal(&forgetter.more);
        pthread_mutex_unlock(&forgetter.lock);
}

void forgetter_less(struct mnt *m) {
        forgetter_account(m);
        if (m->forget_at > 0 && m->n_inodes <= forgetter_limit(m))
                m->forget_at = 0;
}

static size_t forgetter_count(struct mnt *m) {
        size_t n;

        pthread_mutex_lock(&m->tree);
        n = m->n_inodes;
        pthread_mutex_unlock(&m->tree);
        return n;
}

/* --- which ----------------------------------------------------------------------------------- */

static bool forgetter_may(const struct mnt *m, const struct inode *i, bool any) {
        return i != m->root && !i->is_dir && i->n_open == 0 && !i->is_dirty && !i->is_local &&
               !i->is_unlinked && i->n_lookup > 0 && (any || i->kernel_has == 0);
}

/* Under `tree`. */
static void forgetter_add(struct mnt *m, struct inode *i, bool by_name, struct forgetter_batch *b) {
        const char *slash = strrchr(i->path, '/'), *name = slash ? slash + 1 : i->path;
        _cleanup_free_ char *dir = NULL;
        struct inode *parent;

        b->inos[b->n] = ops_file_ino(m, i);
        if (!by_name) {
                b->n++;
                return;
        }
        dir = mem_strndup(i->path, (size_t) (name - i->path));
        parent = dir ? inode_find(m, dir) : NULL;
        if (!parent || !*name)
                return;
        b->names[b->n].parent = ops_file_ino(m, parent);
        b->names[b->n].name = mem_strdup(name);
        if (b->names[b->n].name)
                b->n++;
}

/* Those of one slot. */
static void forgetter_choose_in(struct mnt *m, struct inode *i, bool any, bool by_name,
                                size_t n_max, struct forgetter_batch *b) {
        for (; i && b->n < n_max; i = i->next_in_slot)
                if (forgetter_may(m, i, any))
                        forgetter_add(m, i, by_name, b);
}

/* Of the next slots: how many were looked at. */
static size_t forgetter_choose(struct mnt *m, bool any, bool by_name, size_t n_max,
                               struct forgetter_batch *b) {
        size_t k = 0;

        b->n = 0;
        n_max = MIN(n_max, (size_t) FORGETTER_BATCH);
        pthread_mutex_lock(&m->tree);
        while (k++ < FORGETTER_SLOTS && b->n < n_max)
                forgetter_choose_in(m, m->inodes[m->forget_slot++ % m->n_inode_slots], any, by_name,
                                    n_max, b);
        pthread_mutex_unlock(&m->tree);
        return k;
}

/* --- asking ---------------------------------------------------------------------------------- */

/* Drops all at once when asking one by one loses against who looks them up. */
static bool forgetter_shrink(struct mnt *m, struct forgetter_kernel *k) {
        if (k->no_shrink || forgetter_count(m) <= forgetter_limit(m) / 2 * 3)
                return false;
        k->no_shrink = k->shrink(k->ctx) < 0;
        return !k->no_shrink;
}

/* True when there is no need to go on. */
static bool forgetter_drop(struct mnt *m, struct forgetter_kernel *k, struct forgetter_batch *b) {
        bool all = false;

        for (size_t i = 0; i < b->n; i++) {
                all = all || forgetter.stops || m->stopping ||
                      (i % 16 == 0 && forgetter_shrink(m, k));
                /* -ENOENT: it is gone already. */
                if (!all)
                        (void) k->drop(k->ctx, b->names[i].parent, b->names[i].name);
                mem_free(b->names[i].name);
        }
        return all;
}

/* One round of all slots, until so many were asked for: what is left. */
static size_t forgetter_round(struct mnt *m, struct forgetter_kernel *k, bool any, size_t left) {
        size_t n_slots, looked_at = 0;
        struct forgetter_batch b;

        pthread_mutex_lock(&m->tree);
        n_slots = m->n_inode_slots;
        pthread_mutex_unlock(&m->tree);
        while (left > 0 && looked_at < n_slots && !forgetter.stops && !m->stopping) {
                bool by_name = k->no_prune;

                looked_at += forgetter_choose(m, any, by_name, left, &b);
                if (b.n == 0)
                        continue;
                if (!by_name && k->prune(k->ctx, b.inos, b.n) == -EINVAL) {
                        /* Those are found again, by another round. */
                        k->no_prune = true;
                        looked_at = 0;
                        continue;
                }
                if (by_name && forgetter_drop(m, k, &b))
                        return 0;
                left -= MIN(left, b.n);
        }
        return left;
}

void forgetter_sweep(struct mnt *m, struct forgetter_kernel *k) {
        size_t limit = forgetter_limit(m), n = forgetter_count(m), left;

        left = n > forgetter_target(m) ? n - forgetter_target(m) : 0;
        left = forgetter_round(m, k, false, left);
        /* Those with pages, when the others are not enough. */
        if (left > 0 && forgetter_count(m) > limit / 4 * 5)
                (void) forgetter_round(m, k, true, left);
        pthread_mutex_lock(&m->tree);
        /* What goes takes its time, and what is in use stays: no use to ask again at once. */
        m->forget_at = m->n_inodes > limit ? m->n_inodes + limit / (k->no_prune ? 64 : 8) : 0;
        pthread_mutex_unlock(&m->tree);
}

/* --- the thread ------------------------------------------------------------------------------ */

static void forgetter_sweep_one(struct mnt *m, void *ctx) {
        if (!m->buckets && forgetter_count(m) > forgetter_limit(m))
                forgetter_sweep(m, ctx);
}

static void *forgetter_main(void *ctx) {
        pthread_mutex_lock(&forgetter.lock);
        while (!forgetter.stops) {
                if (!forgetter.wanted) {
                        pthread_cond_wait(&forgetter.more, &forgetter.lock);
                        continue;
                }
                forgetter.wanted = false;
                pthread_mutex_unlock(&forgetter.lock);
                buckets_each(forgetter.top, forgetter_sweep_one, forgetter.kernel);
                pthread_mutex_lock(&forgetter.lock);
        }
        pthread_mutex_unlock(&forgetter.lock);
        return NULL;
}

void forgetter_start(struct mnt *top, struct forgetter_kernel *k) {
        forgetter.top = top;
        forgetter.kernel = k;
        forgetter.stops = forgetter.wanted = false;
        forgetter.runs = pthread_create(&forgetter.thread, NULL, forgetter_main, NULL) == 0;
}

void forgetter_stop(void) {
        if (!forgetter.runs)
                return;
        pthread_mutex_lock(&forgetter.lock);
        forgetter.stops = true;
        forgetter.runs = false;
        pthread_cond_signal(&forgetter.more);
        pthread_mutex_unlock(&forgetter.lock);
        pthread_join(forgetter.thread, NULL);
        forgetter.stops = false;
}
