#include "fuse-gcs/forgetter.h"

#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse3/fuse_lowlevel.h>
#include <string.h>

#include "fuse-gcs/buckets.h"
#include "fuse-gcs/inode.h"
#include "fuse-gcs/ops_file.h"
#include "lib/base/mem.h"

#define FORGETTER_MIN 32768
#define FORGETTER_BYTES 1024 /* of the stat cache for each inode */
#define FORGETTER_BATCH 256
#define FORGETTER_PAUSE_MAX_S 60
#define FORGETTER_SLOTS_MAX ((size_t) 1 << 16) /* are looked at for one batch */

/* One a process, as the session is. */
static struct {
        pthread_mutex_t lock;
        pthread_cond_t more;
        pthread_t thread;
        struct mnt *top;
        atomic_bool runs, wanted, stops;
} forgetter = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

struct forgetter_name {
        fuse_ino_t parent;
        char *name;
};

size_t forgetter_limit(const struct mnt *m) {
        return MAX((size_t) FORGETTER_MIN, m->o.stat_bytes_max / FORGETTER_BYTES);
}

void forgetter_look(const struct mnt *m) {
        if (m->n_inodes <= forgetter_limit(m) || !forgetter.runs || forgetter.wanted)
                return;
        pthread_mutex_lock(&forgetter.lock);
        forgetter.wanted = true;
        pthread_cond_signal(&forgetter.more);
        pthread_mutex_unlock(&forgetter.lock);
}

static bool forgetter_may(const struct mnt *m, const struct inode *i, bool any) {
        return i != m->root && !i->is_dir && i->n_open == 0 && !i->is_dirty && !i->is_local &&
               !i->is_unlinked && i->n_lookup > 0 && (any || i->kernel_has == 0);
}

/* Under `tree`. 0: not this one. */
static int forgetter_take(struct mnt *m, struct inode *i, struct forgetter_name *ret) {
        const char *slash = strrchr(i->path, '/'), *name = slash ? slash + 1 : i->path;
        _cleanup_free_ char *dir = mem_strndup(i->path, (size_t) (name - i->path));
        struct inode *parent = dir ? inode_find(m, dir) : NULL;

        if (!parent || !*name)
                return 0;
        ret->name = mem_strdup(name);
        ret->parent = ops_file_ino(m, parent);
        return ret->name ? 1 : 0;
}

/* A batch from where the last ended. */
static size_t forgetter_choose(struct mnt *m, size_t *slot, struct forgetter_name *ret) {
        size_t n = 0, left;
        bool any;

        pthread_mutex_lock(&m->tree);
        left = MIN(m->n_inode_slots, FORGETTER_SLOTS_MAX);
        any = m->n_inodes > 2 * forgetter_limit(m);
        for (; left > 0 && n < FORGETTER_BATCH; left--, ++*slot)
                for (struct inode *i = m->inodes[*slot % m->n_inode_slots];
                     i && n < FORGETTER_BATCH; i = i->next_in_slot)
                        if (forgetter_may(m, i, any))
                                n += (size_t) forgetter_take(m, i, &ret[n]);
        pthread_mutex_unlock(&m->tree);
        return n;
}

static bool forgetter_is_below(struct mnt *m, size_t limit) {
        bool is;

        pthread_mutex_lock(&m->tree);
        is = m->n_inodes <= limit;
        pthread_mutex_unlock(&m->tree);
        return is;
}

/* Two rounds of all slots at most: what is asked for may be in use. */
static void forgetter_sweep(struct mnt *m, void *ctx) {
        struct forgetter_name names[FORGETTER_BATCH];
        size_t slot = 0;

        if (m->buckets || !m->session)
                return;
        while (!forgetter.stops && !m->stopping && slot < 2 * m->n_inode_slots &&
               !forgetter_is_below(m, forgetter_limit(m) * 3 / 4)) {
                size_t n = forgetter_choose(m, &slot, names);

                for (size_t i = 0; i < n; i++) {
                        /* -ENOENT: it is gone already. */
                        if (!forgetter.stops && !m->stopping)
                                (void) fuse_lowlevel_notify_inval_entry(m->session, names[i].parent,
                                                                        names[i].name,
                                                                        strlen(names[i].name));
                        mem_free(names[i].name);
                }
        }
        *(bool *) ctx = *(bool *) ctx && forgetter_is_below(m, forgetter_limit(m));
}

/* Under the lock. */
static void forgetter_pause(time_t for_s) {
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += for_s;
        while (!forgetter.stops &&
               pthread_cond_timedwait(&forgetter.more, &forgetter.lock, &until) == 0)
                ;
}

static void *forgetter_main(void *ctx) {
        time_t pause_s = 1;
        bool is_enough;

        pthread_mutex_lock(&forgetter.lock);
        while (!forgetter.stops) {
                if (!forgetter.wanted) {
                        pthread_cond_wait(&forgetter.more, &forgetter.lock);
                        continue;
                }
                is_enough = true;
                pthread_mutex_unlock(&forgetter.lock);
                buckets_each(forgetter.top, forgetter_sweep, &is_enough);
                pthread_mutex_lock(&forgetter.lock);
                /* What is in use is not forgotten: no use to ask all the time. */
                pause_s = is_enough ? 1 : MIN(pause_s * 2, (time_t) FORGETTER_PAUSE_MAX_S);
                if (!is_enough)
                        forgetter_pause(pause_s);
                forgetter.wanted = !is_enough;
        }
        pthread_mutex_unlock(&forgetter.lock);
        return NULL;
}

void forgetter_start(struct mnt *top) {
        forgetter.top = top;
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
}
