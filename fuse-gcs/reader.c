#include "fuse-gcs/reader.h"

#include <errno.h>
#include <string.h>

#include "fuse-gcs/disk_cache.h"
#include "fuse-gcs/fill.h"
#include "fuse-gcs/lookup.h"
#include "fuse-gcs/names.h"
#include "fuse-gcs/read_meter.h"
#include "fuse-gcs/teller.h"
#include "fuse-gcs/writer.h"
#include "lib/base/mem.h"

#define READER_TRIES 4

/* What a stream read to its end, and the places of large reads here and there, which are in the
 * kernel's pages from now on: the next one would take new memory. */
static bool reader_is_done_with(const struct reader_reply *r, const struct iovec *v,
                                const struct block_cache_block *b) {
        if (r->passes)
                return (char *) v->iov_base + v->iov_len == b->data + b->n_wanted;
        return r->is_lone && !r->m->o.direct_io && r->n_bytes >= BLOCK_CACHE_SIZE / 2;
}

void reader_reply_done(struct reader_reply *r) {
        for (int i = 0; i < r->n; i++) {
                struct block_cache_block *b = r->blocks[i];

                if (!b)
                        continue;
                if (reader_is_done_with(r, &r->iov[i], b))
                        block_cache_put_last(r->m->blocks, b);
                else
                        block_cache_put(r->m->blocks, b);
        }
        r->own = mem_free(r->own);
        r->n = 0;
        r->n_bytes = 0;
}

/* --- clean ----------------------------------------------------------------------------------- */

/* Starts what a read of [offset, end) needs and what should follow it. What is needed and no more
 * is left to this thread, in *own when that is free. */
static int reader_fetch(struct mnt *m, const struct block_fetch_source *s,
                        struct prefetch_range ahead, uint64_t offset, uint64_t end,
                        struct block_cache_block **b, struct block_fetch **own, bool *is_miss) {
        uint64_t to = end;
        int r = 0;

        if (!*b) {
                /* What follows comes with the same GET as far as one goes. */
                if (ahead.to > ahead.from && ahead.from <= end + BLOCK_CACHE_SIZE)
                        to = MIN(ahead.to, MAX(end, offset + MAX(ahead.unit, (uint64_t) 1 << 20)));
                r = block_fetch_range(m, s, offset, to, PREFETCH_UNIT_MAX, b,
                                      *own || (to > end && s->size > BLOCK_FETCH_WHOLE) ? NULL
                                                                                        : own);
                *is_miss |= *b && r != 1; /* its GET has begun, and may have ended */
                if (r == 1 || r == -ENOBUFS)
                        r = 0; /* the first one is here or on its way; the others come in turn */
        }
        if (r >= 0 && ahead.to > MAX(ahead.from, to))
                (void) block_fetch_range(m, s, MAX(ahead.from, to), ahead.to, ahead.unit, NULL,
                                         NULL);
        return r;
}

static struct prefetch_range reader_ahead(struct mnt *m, struct prefetch *p, pthread_mutex_t *lock,
                                          uint64_t offset, uint64_t n, uint64_t size) {
        uint64_t most = MIN(m->o.read_ahead_max, block_cache_limit(m->blocks) / 2);
        struct prefetch_range range;

        if (lock)
                pthread_mutex_lock(lock);
        range = prefetch_next(p, offset, n, size, most);
        if (lock)
                pthread_mutex_unlock(lock);
        return range;
}

/* Until all that was found is there. A run fills in order: who has waited for its last block waits
 * for no other. */
static int reader_wait(struct mnt *m, struct prefetch *p, pthread_mutex_t *lock, uint64_t end,
                       struct reader_reply *reply) {
        usec_t waited_for = 0;
        int r = 0;

        for (int i = reply->n - 1; i >= 0 && r >= 0; i--) {
                const struct iovec *v = &reply->iov[i];
                uint64_t within = (uint64_t) ((char *) v->iov_base - reply->blocks[i]->data);

                r = block_cache_wait(m->blocks, reply->blocks[i], (uint32_t) (within + v->iov_len),
                                     &waited_for);
        }
        if (waited_for > 0) {
                reply->is_miss = true;
                if (lock)
                        pthread_mutex_lock(lock);
                prefetch_waited(p, end, waited_for);
                if (lock)
                        pthread_mutex_unlock(lock);
        }
        return r;
}

/* The blocks of [offset, offset + n), whole as far as they are wanted. */
static int reader_blocks(struct mnt *m, const struct block_fetch_source *s, struct prefetch *p,
                         pthread_mutex_t *lock, uint64_t offset, size_t n,
                         struct reader_reply *ret) {
        struct prefetch_range ahead = reader_ahead(m, p, lock, offset, n, s->size);
        struct block_fetch *own = NULL;
        uint64_t end = offset + n;
        bool has_started = false;
        int r = 0;

        ret->passes = ahead.runs;
        ret->is_lone = ahead.is_lone;
        for (uint64_t at = offset; at < end && r >= 0 && ret->n < READER_PIECES;) {
                uint64_t index = at / BLOCK_CACHE_SIZE, within = at % BLOCK_CACHE_SIZE;
                uint32_t part = (uint32_t) MIN(BLOCK_CACHE_SIZE - within, end - at);
                struct block_cache_block *b = block_cache_get(m->blocks, s->content, index);

                if (!b || !has_started)
                        r = reader_fetch(m, s, has_started ? (struct prefetch_range){} : ahead, at,
                                         end, &b, &own, &ret->is_miss);
                has_started = true;
                if (!b && r >= 0)
                        r = -ENOMEM;
                if (!b)
                        break;
                ret->blocks[ret->n] = b;
                ret->iov[ret->n] = (struct iovec){b->data + within, part};
                ret->n++;
                ret->n_bytes += part;
                at += part;
        }
        if (own) {
                ret->is_miss = true;
                block_fetch_go(own);
        }
        return r < 0 ? r : reader_wait(m, p, lock, end, ret);
}

/* What the inode's object is now. False: nothing is in the bucket. */
static bool reader_source(struct mnt *m, struct inode *i, struct block_fetch_source *ret,
                          char **ret_path) {
        bool is;

        pthread_mutex_lock(&m->tree);
        is = i->attrs && i->attrs->generation > 0 && (!i->is_unlinked || i->is_parked);
        if (is && (*ret_path = mem_strdup(i->path)))
                block_fetch_source_init(ret, *ret_path, i->attrs);
        pthread_mutex_unlock(&m->tree);
        return is && *ret_path;
}

/* The generation is gone: is there another one? 0: go on with it. */
static int reader_reopen(struct mnt *m, struct inode *i, const char *path, int64_t had) {
        _cleanup_(attrs_unrefp) struct attrs *now = NULL;
        usec_t at = mnt_now();
        int r = lookup_object(m, path, &now);

        if (r == -ENOENT)
                return -ESTALE;
        if (r < 0)
                return r;
        if (now->generation == had)
                return -EIO;
        pthread_mutex_lock(&m->tree);
        inode_set_attrs(i, now, at + m->o.ttl_for);
        i->kernel_has = 0;
        if (!i->is_unlinked)
                (void) stat_cache_put_file(m->stats, path, strlen(path), now, STAT_CACHE_OURS, at);
        pthread_mutex_unlock(&m->tree);
        teller_content(m, i);
        return 0;
}

/* What was handed out was not what the bucket has: all who have it open are told, once and for all
 * (the kernel's own reading ahead drops an error and asks again), and its pages go. */
static int reader_was_bad(struct mnt *m, struct inode *i) {
        i->n_bad++;
        pthread_mutex_lock(&m->tree);
        i->kernel_has = 0;
        pthread_mutex_unlock(&m->tree);
        teller_content(m, i);
        return -EIO;
}

/* What a failed read means: 1: it may be tried again. */
static int reader_failed(struct mnt *m, struct inode *i, const char *path, int64_t generation,
                         int error) {
        int r = error;

        if (r == -ENOENT || r == -ERANGE)
                r = reader_reopen(m, i, path, generation);
        /* -EBADMSG: nobody saw a byte of it. */
        return r == 0 || r == -EIO || r == -EBADMSG ? 1 : r;
}

/* 1: again. */
static int reader_try(struct mnt *m, struct handle *h, uint64_t offset, size_t size,
                      struct reader_reply *ret) {
        _cleanup_free_ char *path = NULL;
        struct block_fetch_source s;
        bool was_bad;
        int r;

        if (h->n_bad != h->inode->n_bad)
                return -EIO;
        if (!reader_source(m, h->inode, &s, &path))
                return h->inode->attrs && h->inode->attrs->size == 0 ? 0 : -ESTALE;
        if (offset >= s.size)
                return 0;
        r = reader_blocks(m, &s, &h->prefetch, &h->lock, offset,
                          (size_t) MIN((uint64_t) size, s.size - offset), ret);
        was_bad = block_fetch_was_bad(m, &s);
        if (r >= 0 && !was_bad)
                return 0;
        reader_reply_done(ret);
        return was_bad ? reader_was_bad(m, h->inode)
                       : reader_failed(m, h->inode, path, s.generation, r);
}

static void reader_say(struct mnt *m, struct handle *h, usec_t began_at, uint64_t offset,
                       size_t size, const struct reader_reply *reply) {
        _cleanup_free_ char *path = NULL;
        struct block_fetch_source s;
        struct disk_files_key k;
        struct read_meter_line line = {
                .bucket = m->o.bucket ? m->o.bucket : "",
                .handle = h->number,
                .offset = offset,
                .block = offset / BLOCK_CACHE_SIZE,
                .size = size,
                .is_of_disk = m->disk,
                .goes_on = !reply->is_lone,
                .hit = !reply->is_miss,
        };

        if (!read_meter_says() || !reader_source(m, h->inode, &s, &path))
                return;
        /* What is in memory alone is no hit of the disk cache. */
        k = block_fetch_key(&s);
        line.hit = line.hit && m->disk && disk_cache_takes(m->disk, &k, line.block);
        if (m->disk && offset > 0 && disk_cache_is_refused(m->disk, &k))
                line.goes_on = false;
        line.object = path + strlen(m->o.root);
        read_meter_say(began_at, &line);
        if (!m->disk) {
                pthread_mutex_lock(&h->lock);
                read_meter_follow(&h->pattern, &line);
                pthread_mutex_unlock(&h->lock);
        }
}

/* What else of it the disk is to have because of this read. */
static void reader_fill(struct mnt *m, struct handle *h, uint64_t offset, size_t size,
                        bool is_before) {
        _cleanup_free_ char *path = NULL;
        struct block_fetch_source s;
        bool by_chunks = m->o.fill->chunk_bytes > 0;

        if (by_chunks != is_before || h->is_filled || !reader_source(m, h->inode, &s, &path))
                return;
        if (by_chunks)
                (void) fill_chunks(m, &s, offset, offset + size);
        else
                fill_after(m, &s, offset, &h->is_filled);
}

/* Who jumps to where the disk's copy is made just now finds it there. */
static void reader_fill_wait(struct mnt *m, struct handle *h, uint64_t offset, size_t size) {
        uint64_t from = atomic_exchange(&h->read_to, offset + size);
        _cleanup_free_ char *path = NULL;
        struct block_fetch_source s;

        if (MAX(from, offset) - MIN(from, offset) >= PREFETCH_SLACK &&
            reader_source(m, h->inode, &s, &path))
                fill_wait(m, s.content, offset);
}

static int reader_clean(struct mnt *m, struct handle *h, uint64_t offset, size_t size,
                        struct reader_reply *ret) {
        usec_t began_at = read_meter_begin();
        bool fills = m->disk && m->o.fill;
        int r = 1;

        if (fills)
                reader_fill(m, h, offset, size, true);
        if (fills && m->o.fill->waits)
                reader_fill_wait(m, h, offset, size);
        for (unsigned n = 0; r == 1 && n < READER_TRIES; n++)
                r = reader_try(m, h, offset, size, ret);
        if (r == 0 && began_at > 0 && ret->n_bytes > 0) {
                read_meter_end(began_at, !ret->is_lone, !ret->is_miss, ret->n_bytes);
                reader_say(m, h, began_at, offset, size, ret);
        }
        if (fills && r == 0)
                reader_fill(m, h, offset, size, false);
        return r == 1 ? -EIO : r;
}

ssize_t reader_copy(struct mnt *m, const struct block_fetch_source *s, struct prefetch *p,
                    uint64_t offset, char *data, size_t size) {
        size_t n = 0;

        size = offset < s->size ? (size_t) MIN((uint64_t) size, s->size - offset) : 0;
        /* All of it is wanted: with as few GETs as there can be. */
        if (size > BLOCK_CACHE_SIZE)
                (void) block_fetch_range(m, s, offset, offset + size, PREFETCH_UNIT_MAX, NULL,
                                         NULL);
        while (n < size) {
                struct reader_reply reply = {.m = m};
                size_t part = MIN(size - n, (size_t) 1 << 20);
                int r = reader_blocks(m, s, p, NULL, offset + n, part, &reply);

                for (int i = 0; i < reply.n && r >= 0; i++) {
                        memcpy(data + n, reply.iov[i].iov_base, reply.iov[i].iov_len);
                        n += reply.iov[i].iov_len;
                }
                reader_reply_done(&reply);
                if (r >= 0 && block_fetch_was_bad(m, s))
                        r = -EIO;
                if (r < 0)
                        return r == -EBADMSG ? -EIO : r;
        }
        return (ssize_t) n;
}

/* --- with changes ---------------------------------------------------------------------------- */

static int reader_dirty(struct mnt *m, struct handle *h, uint64_t offset, size_t size,
                        struct reader_reply *ret) {
        struct inode *i = h->inode;
        ssize_t n = -EAGAIN;

        ret->own = mem_alloc(size);
        if (!ret->own)
                return -ENOMEM;
        pthread_mutex_lock(&i->lock);
        if (i->writer)
                n = writer_read(m, i, offset, ret->own, size);
        pthread_mutex_unlock(&i->lock);
        if (n < 0) {
                ret->own = mem_free(ret->own);
                return (int) n;
        }
        ret->iov[0] = (struct iovec){ret->own, (size_t) n};
        ret->n_bytes = (size_t) n;
        ret->n = 1;
        return 0;
}

int reader_read(struct mnt *m, struct handle *h, uint64_t offset, size_t size,
                struct reader_reply *ret) {
        ret->m = m;
        if (h->inode->is_dirty) {
                int r = reader_dirty(m, h, offset, size, ret);

                /* It was committed in between. */
                if (r != -EAGAIN)
                        return r;
        }
        return reader_clean(m, h, offset, size, ret);
}
