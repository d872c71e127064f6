#include "fuse-gcs/mnt.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "fuse-gcs/block_cache.h"
#include "fuse-gcs/block_fetch.h"
#include "fuse-gcs/dir.h"
#include "fuse-gcs/fill.h"
#include "fuse-gcs/handle.h"
#include "fuse-gcs/inode.h"
#include "fuse-gcs/names.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

usec_t mnt_now(void) {
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        /* Never 0: that is "not known". */
        return (usec_t) t.tv_sec * USEC_PER_SEC + (usec_t) t.tv_nsec / NSEC_PER_USEC + 1;
}

struct timespec mnt_deadline(usec_t at) {
        usec_t now = mnt_now(), left_for = at > now ? MIN(at - now, 365 * USEC_PER_DAY) : 0;
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        left_for += (usec_t) t.tv_nsec / NSEC_PER_USEC;
        t.tv_sec += (time_t) (left_for / USEC_PER_SEC);
        t.tv_nsec = (long) (left_for % USEC_PER_SEC * NSEC_PER_USEC);
        return t;
}

struct timespec mnt_time(void) {
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        return t;
}

int mnt_errno(int error) {
        switch (error) {
        case -ECANCELED:
        case -ETIMEDOUT:
        case -ECONNREFUSED:
        case -ECONNRESET:
        case -EHOSTUNREACH:
        case -EPROTO:
        case -EBUSY:
        case -ERANGE:
        case -EKEYREJECTED:
        case -EMSGSIZE:
        case -EBADMSG:
        case -ENXIO:
                return EIO;
        default:
                /* The kernel takes no other numbers: the request would stay unanswered. */
                return error > -512 && error < 512 ? abs(error) : EIO;
        }
}

/* Half of it is the last one's. */
void mnt_note_upload(struct mnt *m, uint64_t n, usec_t took_for) {
        uint64_t now = n * USEC_PER_SEC / MAX(took_for, (usec_t) 1), old = m->upload_bytes_per_s;

        m->upload_bytes_per_s = old ? (old + now) / 2 : now;
}

uint64_t mnt_ino(const struct mnt *m, const char *path) {
        uint64_t ino = names_ino(path) ^ m->o.salt;

        return ino > 1 ? ino : ino + 2;
}

char *mnt_temp_name(struct mnt *m, const char *below) {
        char hex[17];

        if (entropy_hex(m->entropy, 8, hex) < 0)
                return NULL;
        return str_printf("%s%s%s", m->o.root, below, hex);
}

int mnt_init(struct mnt *m, const struct mnt_settings *o, struct remote *r) {
        struct stat_cache_options s = {
                .n_bytes_max = o->stat_bytes_max,
                .ttl_for = o->ttl_for,
                .negative_for = o->negative_for,
        };
        int x;

        *m = (struct mnt){.o = *o, .remote = r, .entropy = entropy_system()};
        pthread_mutex_init(&m->tree, NULL);
        pthread_mutex_init(&m->sweeps.lock, NULL);
        pthread_cond_init(&m->sweeps.ended, NULL);
        m->began = mnt_time();
        m->no_move = !o->atomic_rename;
        m->overlay_limits = (struct overlay_limits){
                .n_memory = &m->n_overlay_bytes,
                .memory_max = o->block_size * o->n_upload_blocks_max,
                .n_temp = &m->n_temp_bytes,
                .temp_max = o->temp_bytes_max,
                .temp_dir = o->temp_dir,
        };
        x = stat_cache_new(&s, &m->stats);
        if (x >= 0)
                x = block_cache_new(o->read_bytes_max, &m->blocks);
        if (x >= 0)
                x = block_fetch_init(m);
        if (x >= 0)
                x = fill_init(m);
        if (x >= 0)
                x = inode_table_init(m);
        if (x < 0)
                mnt_done(m);
        return x;
}

void mnt_done(struct mnt *m) {
        block_fetch_done(m);
        fill_done(m);
        dir_free_all(m);
        handle_free_all(m);
        inode_table_done(m);
        block_cache_free(m->blocks);
        stat_cache_free(m->stats);
        pthread_cond_destroy(&m->sweeps.ended);
        pthread_mutex_destroy(&m->sweeps.lock);
        pthread_mutex_destroy(&m->tree);
}
