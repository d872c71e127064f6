#include "fuse-gcs/writer.h"

#include <errno.h>
#include <string.h>

#include "fuse-gcs/block_fetch.h"
#include "fuse-gcs/commit.h"
#include "fuse-gcs/names.h"
#include "fuse-gcs/reader.h"
#include "lib/base/mem.h"

struct writer *writer_free(struct writer *w) {
        if (!w)
                return NULL;
        push_free(w->up);
        push_parts_free(w->parts);
        overlay_done(&w->o);
        attrs_unref(w->base);
        mem_free(w->up_name);
        return mem_free(w);
}

/* What others are told while the changes are here. */
static void writer_publish(struct mnt *m, struct inode *i) {
        pthread_mutex_lock(&m->tree);
        i->dirty_size = i->writer->o.size;
        i->dirty_mtime = i->writer->mtime;
        i->is_dirty = true;
        pthread_mutex_unlock(&m->tree);
        i->writer->refused = 0;
}

bool writer_drop(struct mnt *m, struct inode *i, unsigned n_mine) {
        bool is_wanted;

        pthread_mutex_lock(&m->tree);
        is_wanted = i->n_open_write > n_mine;
        if (!is_wanted) {
                i->is_dirty = false;
                i->until_at = 0;
                i->kernel_has = 0;
                i->is_lost = i->is_local;
                if (i->is_local)
                        inode_unlink(m, i, NULL);
        }
        pthread_mutex_unlock(&m->tree);
        if (!is_wanted)
                i->writer = writer_free(i->writer);
        return !is_wanted;
}

int writer_begin(struct mnt *m, struct inode *i, bool truncated) {
        struct writer *w = mem_new(struct writer);

        if (!w)
                return -ENOMEM;
        pthread_mutex_lock(&m->tree);
        if (i->attrs && i->attrs->generation > 0)
                w->base = attrs_ref(i->attrs);
        pthread_mutex_unlock(&m->tree);
        overlay_init(&w->o, &m->overlay_limits, w->base ? w->base->size : 0);
        w->mtime = mnt_time();
        if (truncated) {
                overlay_truncate(&w->o, 0);
                w->has_changes = true;
        }
        i->writer = w;
        writer_publish(m, i);
        return 0;
}

static int writer_need(struct mnt *m, struct inode *i) {
        if (i->writer)
                return i->writer->broken;
        if (i->is_lost)
                return -ESTALE;
        return writer_begin(m, i, false);
}

/* --- sending as it comes --------------------------------------------------------------------- */

bool writer_is_sending(const struct writer *w) {
        return w->up || w->parts;
}

uint64_t writer_n_unsent(const struct writer *w) {
        const struct overlay *o = &w->o;
        uint64_t from = writer_is_sending(w) ? w->up_to : o->base_valid;

        if (o->fd >= 0 || o->n_extents != 1 || o->extents[0].from != from)
                return 0;
        return o->extents[0].to - from;
}

/* May what comes leave at once? A new content, or one that only grows and is worth a compose. */
static bool writer_may_stream(const struct mnt *m, const struct inode *i, const struct writer *w) {
        if (i->is_unlinked || !m->o.streams)
                return false;
        if (writer_is_sending(w) || w->o.base_valid == 0)
                return true;
        return w->base && w->o.base_valid == w->base->size && w->base->size >= WRITER_COMPOSE_MIN;
}

static enum push_parts_choice writer_choose(const struct mnt *m, const struct writer *w) {
        const struct push_parts_facts f = {
                .n_at_once = m->o.n_uploads_at_once,
                .is_asked_for = m->o.uploads_asked_for,
                .no_temporaries = m->no_temporaries,
                .n_unsent = writer_n_unsent(w),
                .took_for = mnt_now() - w->began_at,
                .bytes_per_s = m->upload_bytes_per_s,
                .n_memory = m->n_overlay_bytes,
                .memory_max = m->overlay_limits.memory_max,
                .block_size = m->o.block_size,
                .n_least = m->o.n_least_in_uploads,
        };

        return push_parts_choose(&f);
}

static int writer_begin_sending(struct mnt *m, struct inode *i, enum push_parts_choice how) {
        struct writer *w = i->writer;
        bool is_tail = w->o.base_valid > 0;

        w->up_from = w->up_to = w->o.base_valid;
        if (how != PUSH_PARTS_MANY)
                return commit_compose_begin(m, i, is_tail);
        w->streams_tail = is_tail;
        return push_parts_new(m, &w->parts);
}

/* 1: a piece left; 0: it waits for more; negative. */
static int writer_send(struct mnt *m, struct inode *i) {
        struct writer *w = i->writer;
        struct push_piece piece = {};
        struct overlay_taken t;
        int r;

        if (!writer_is_sending(w)) {
                enum push_parts_choice how = writer_choose(m, w);

                r = how == PUSH_PARTS_WAIT ? 0 : writer_begin_sending(m, i, how);
                if (how == PUSH_PARTS_WAIT || r < 0)
                        return r;
        }
        r = overlay_take(&w->o, w->up_to, w->up_to + m->o.block_size, &t);
        if (r < 0)
                return r;
        piece.iov = t.iov;
        piece.own = t.memory;
        piece.n = piece.n_own = t.n;
        piece.account = &m->n_overlay_bytes;
        piece.n_accounted = t.n_bytes;
        piece.has_crc32c = true;
        piece.crc32c = t.crc32c;
        w->up_to += m->o.block_size;
        r = w->parts ? push_parts_put(w->parts, &piece) : push_put(w->up, &piece);
        return r < 0 ? r : 1;
}

static int writer_send_all(struct mnt *m, struct inode *i) {
        struct writer *w = i->writer;
        int r = 1;

        while (r > 0 && writer_n_unsent(w) >= m->o.block_size && writer_may_stream(m, i, w))
                r = writer_send(m, i);
        if (r < 0)
                w->broken = r;
        return MIN(r, 0);
}

/* --- changes --------------------------------------------------------------------------------- */

/* What is in an upload is needed here: it becomes the object, and that the base. */
static int writer_settle(struct mnt *m, struct inode *i) {
        int r = commit_inode(m, i);

        return r < 0 ? r : writer_need(m, i);
}

int writer_write(struct mnt *m, struct inode *i, uint64_t offset, const char *data, size_t n) {
        return writer_write_lent(m, i, offset, data, n, NULL);
}

int writer_write_lent(struct mnt *m, struct inode *i, uint64_t offset, const char *data, size_t n,
                      struct lent_offer *offer) {
        struct writer *w;
        int r = offset <= WRITER_SIZE_MAX && n <= WRITER_SIZE_MAX - offset ? writer_need(m, i)
                                                                           : -EFBIG;

        if (r >= 0 && writer_is_sending(i->writer) && offset < i->writer->up_to)
                r = writer_settle(m, i);
        if (r < 0)
                return r;
        w = i->writer;
        if (w->o.n_extents == 0)
                w->began_at = mnt_now();
        r = overlay_write_lent(&w->o, offset, data, n, offer);
        if (r < 0)
                return r;
        w->has_changes = true;
        w->mtime = mnt_time();
        w->mtime_is_set = false;
        r = writer_send_all(m, i);
        writer_publish(m, i);
        return r;
}

int writer_truncate(struct mnt *m, struct inode *i, uint64_t size) {
        struct writer *w;
        int r = size <= WRITER_SIZE_MAX ? writer_need(m, i) : -EFBIG;

        if (r >= 0 && writer_is_sending(i->writer) && size < i->writer->up_to)
                r = writer_settle(m, i);
        if (r < 0)
                return r;
        w = i->writer;
        if (size != w->o.size) {
                overlay_truncate(&w->o, size);
                w->has_changes = true;
                w->mtime = mnt_time();
                w->mtime_is_set = false;
        }
        writer_publish(m, i);
        return 0;
}

void writer_set_mtime(struct mnt *m, struct inode *i, struct timespec mtime) {
        i->writer->mtime = mtime;
        i->writer->mtime_is_set = true;
        writer_publish(m, i);
}

/* --- reading it ------------------------------------------------------------------------------ */

static int writer_read_base(struct mnt *m, struct inode *i, uint64_t offset, char *data, size_t n) {
        struct attrs *base = i->writer->base;
        struct prefetch none = {};
        _cleanup_free_ char *path = NULL;
        struct block_fetch_source s;
        ssize_t got;

        pthread_mutex_lock(&m->tree);
        path = mem_strdup(i->path);
        pthread_mutex_unlock(&m->tree);
        if (!path)
                return -ENOMEM;
        block_fetch_source_init(&s, path, base);
        got = reader_copy(m, &s, &none, offset, data, n);
        if (got == -ENOENT)
                return -ESTALE;
        return got < 0 ? (int) got : (size_t) got < n ? -EIO : 0;
}

ssize_t writer_content(struct mnt *m, struct inode *i, uint64_t offset, char *data, size_t n) {
        struct overlay *o = &i->writer->o;
        uint64_t end = MIN(offset + n, o->size), to;
        int r = 0;

        if (offset >= o->size)
                return 0;
        for (uint64_t at = offset; at < end && r >= 0; at = to) {
                char *part = data + (at - offset);

                switch (overlay_at(o, at, end, &to)) {
                case OVERLAY_LOCAL:
                        r = overlay_get(o, at, part, (size_t) (to - at));
                        break;
                case OVERLAY_BASE:
                        r = writer_read_base(m, i, at, part, (size_t) (to - at));
                        break;
                case OVERLAY_ZERO:
                        memset(part, 0, (size_t) (to - at));
                        break;
                }
        }
        return r < 0 ? r : (ssize_t) (end - offset);
}

ssize_t writer_read(struct mnt *m, struct inode *i, uint64_t offset, char *data, size_t n) {
        struct writer *w = i->writer;

        if (writer_is_sending(w) && offset < w->up_to && offset + n > w->up_from) {
                int r = commit_inode(m, i);

                /* It is the bucket's now: read there. */
                return r < 0 ? r : -EAGAIN;
        }
        return writer_content(m, i, offset, data, n);
}
