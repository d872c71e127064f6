#include "fuse-gcs/ops_control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuse-gcs/block_cache.h"
#include "fuse-gcs/disk_cache.h"
#include "fuse-gcs/fill.h"
#include "fuse-gcs/flush.h"
#include "fuse-gcs/names.h"
#include "fuse-gcs/reader.h"
#include "lib/base/mem.h"
#include "lib/base/mount_control.h"

#define OPS_CONTROL_PART ((size_t) 1 << 20)

static void ops_control_stat(struct mnt *m, struct mount_control_text *t) {
        struct block_cache_stats b;
        struct disk_cache_stats d = {};
        size_t n_stats, n_inodes, n_dirty = 0, n_open = 0;
        uint64_t dirty_bytes = 0;

        block_cache_stats_get(m->blocks, &b);
        if (m->disk)
                disk_cache_stats_get(m->disk, &d);
        pthread_mutex_lock(&m->tree);
        n_stats = stat_cache_n_bytes(m->stats);
        n_inodes = m->n_inodes;
        for (size_t s = 0; s < m->n_inode_slots; s++)
                for (struct inode *i = m->inodes[s]; i; i = i->next_in_slot) {
                        n_open += i->n_open;
                        n_dirty += i->is_dirty;
                        dirty_bytes += i->is_dirty ? i->dirty_size : 0;
                }
        pthread_mutex_unlock(&m->tree);
        snprintf(t->text, sizeof(t->text),
                 "{\"inodes\":%zu,\"open_files\":%zu,\"files_to_write\":%zu,"
                 "\"bytes_to_write\":%" PRIu64 ",\"stat_cache_bytes\":%zu,"
                 "\"read_cache_bytes\":%zu,\"read_cache_hits\":%" PRIu64
                 ",\"read_cache_misses\":%" PRIu64 ",\"disk_cache_bytes\":%" PRIu64
                 ",\"disk_cache_files\":%" PRIu64 ",\"disk_cache_pinned\":%" PRIu64
                 ",\"disk_cache_hits\":%" PRIu64
                 ",\"write_buffer_bytes\":%zu,\"staged_bytes\":%" PRIu64 "}",
                 n_inodes, n_open, n_dirty, dirty_bytes, n_stats, b.n_bytes, b.n_hits, b.n_misses,
                 d.n_bytes, d.n_files, d.n_pinned, d.n_hits, (size_t) m->n_overlay_bytes,
                 (uint64_t) m->n_temp_bytes);
}

static int ops_control_flush(struct mnt *m, struct mount_control_text *t) {
        struct flush_result f;
        int r = flush_all(m, mnt_now() + m->o.commit_budget_for, &f);

        if (r >= 0)
                snprintf(t->text, sizeof(t->text), "{\"written\":%zu,\"failed\":%zu}", f.n_good,
                         f.n_failed);
        return r;
}

static int ops_control_object(struct mnt *m, const struct inode *i, struct mount_control_text *t) {
        int64_t generation, metageneration;

        pthread_mutex_lock(&m->tree);
        generation = i->attrs && !i->is_dir ? i->attrs->generation : 0;
        metageneration = i->attrs && !i->is_dir ? i->attrs->metageneration : 0;
        pthread_mutex_unlock(&m->tree);
        snprintf(t->text, sizeof(t->text),
                 "{\"generation\":%" PRId64 ",\"metageneration\":%" PRId64 "}", generation,
                 metageneration);
        return 0;
}

/* The file's object as it is in the bucket; path is to be freed. */
static int ops_control_source(struct mnt *m, struct inode *i, struct block_fetch_source *ret,
                              char **ret_path) {
        int r = -ENODATA;

        pthread_mutex_lock(&m->tree);
        if (i->is_dir || i->is_symlink) {
                r = -EISDIR;
        } else if (i->attrs && i->attrs->generation > 0) {
                *ret_path = mem_strdup(i->path);
                r = *ret_path ? 0 : -ENOMEM;
        }
        if (r >= 0)
                *ret = (struct block_fetch_source){
                        .path = *ret_path,
                        .generation = i->attrs->generation,
                        .content = names_content(i->path, i->attrs->generation),
                        .size = i->attrs->size,
                };
        pthread_mutex_unlock(&m->tree);
        return r;
}

/* What has no room on the disk is in memory, as far as it goes. */
static void ops_control_claim(struct mnt *m, const struct block_fetch_source *s) {
        const struct disk_files_key k = block_fetch_key(s);

        (void) disk_cache_claim(m->disk, &k);
}

static int ops_control_warm(struct mnt *m, struct inode *i, struct mount_control_text *t) {
        _cleanup_free_ char *path = NULL, *data = mem_alloc(OPS_CONTROL_PART);
        struct prefetch prefetch = {};
        struct block_fetch_source s;
        uint64_t at = 0;
        int r = data ? ops_control_source(m, i, &s, &path) : -ENOMEM;

        if (r >= 0 && m->disk)
                ops_control_claim(m, &s);
        while (r >= 0 && at < s.size && !m->stopping) {
                ssize_t n = reader_copy(m, &s, &prefetch, at, data, OPS_CONTROL_PART);

                if (n <= 0)
                        return n < 0 ? (int) n : -EIO;
                at += (uint64_t) n;
        }
        if (r >= 0)
                snprintf(t->text, sizeof(t->text), "{\"bytes\":%" PRIu64 "}", at);
        return r;
}

static int ops_control_drop(struct mnt *m, struct inode *i, struct mount_control_text *t) {
        _cleanup_free_ char *path = NULL;
        struct block_fetch_source s;
        int r = ops_control_source(m, i, &s, &path);

        if (r < 0)
                return r;
        if (m->disk)
                disk_cache_drop(m->disk, s.path);
        block_cache_drop(m->blocks, s.content, (s.size + BLOCK_CACHE_SIZE - 1) / BLOCK_CACHE_SIZE);
        pthread_mutex_lock(&m->tree);
        i->kernel_has = 0; /* its pages go with the next open */
        pthread_mutex_unlock(&m->tree);
        snprintf(t->text, sizeof(t->text), "{\"bytes\":%" PRIu64 "}", s.size);
        return 0;
}

static int ops_control_set_pinned(struct mnt *m, const struct block_fetch_source *s, bool pinned) {
        const struct disk_files_key k = block_fetch_key(s);

        return disk_cache_pin(m->disk, &k, pinned);
}

static int ops_control_pin(struct mnt *m, struct inode *i, struct mount_control_text *t) {
        _cleanup_free_ char *path = NULL, *data = mem_alloc(BLOCK_CACHE_SIZE);
        struct block_fetch_source s;
        int r = !m->disk ? -EOPNOTSUPP : data ? ops_control_source(m, i, &s, &path) : -ENOMEM;

        if (r >= 0)
                r = ops_control_set_pinned(m, &s, true);
        if (r < 0)
                return r;
        for (uint64_t k = 0; r >= 0 && k * BLOCK_CACHE_SIZE < s.size; k++)
                r = m->stopping ? -EINTR : fill_block(m, &s, k, data);
        if (r < 0)
                (void) ops_control_set_pinned(m, &s, false);
        else
                snprintf(t->text, sizeof(t->text), "{\"bytes\":%" PRIu64 "}", s.size);
        return r;
}

/* What is not pinned is unpinned already. */
static int ops_control_unpin(struct mnt *m, struct inode *i, struct mount_control_text *t) {
        _cleanup_free_ char *path = NULL;
        struct block_fetch_source s;
        int r = !m->disk ? -EOPNOTSUPP : ops_control_source(m, i, &s, &path);

        if (r >= 0)
                r = ops_control_set_pinned(m, &s, false);
        if (r < 0 && r != -ENOENT)
                return r;
        snprintf(t->text, sizeof(t->text), "{\"bytes\":%" PRIu64 "}", s.size);
        return 0;
}

static bool ops_control_may(fuse_req_t req, const struct mnt *m) {
        uid_t uid = fuse_req_ctx(req)->uid;

        return uid == 0 || uid == m->o.uid;
}

static int ops_control_do(struct mnt *m, struct inode *i, unsigned cmd,
                          struct mount_control_text *t) {
        switch (cmd) {
        case MOUNT_CONTROL_STAT:
                ops_control_stat(m, t);
                return 0;
        case MOUNT_CONTROL_OBJECT:
                return ops_control_object(m, i, t);
        case MOUNT_CONTROL_FLUSH:
                return ops_control_flush(m, t);
        case MOUNT_CONTROL_WARM:
                return ops_control_warm(m, i, t);
        case MOUNT_CONTROL_DROP:
                return ops_control_drop(m, i, t);
        case MOUNT_CONTROL_PIN:
                return ops_control_pin(m, i, t);
        case MOUNT_CONTROL_UNPIN:
                return ops_control_unpin(m, i, t);
        default:
                return -ENOTTY;
        }
}

void ops_control_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg,
                       struct fuse_file_info *fi, unsigned flags, const void *in_buf,
                       size_t in_size, size_t out_size) {
        struct mnt *m = ops_file_mnt(req, ino);
        struct inode *i = ops_file_inode(m, ino);
        struct mount_control_text *t = mem_new(struct mount_control_text);
        bool is_question = cmd == MOUNT_CONTROL_STAT || cmd == MOUNT_CONTROL_OBJECT;
        int r = t ? 0 : -ENOMEM;

        if (r >= 0 && !is_question && !ops_control_may(req, m))
                r = -EPERM;
        if (r >= 0 && out_size < sizeof(*t))
                r = -ENOTTY;
        if (r >= 0)
                r = ops_control_do(m, i, cmd, t);
        if (r < 0)
                ops_file_error(req, r);
        else
                fuse_reply_ioctl(req, 0, t, sizeof(*t));
        mem_free(t);
}
