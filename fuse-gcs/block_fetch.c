#include "fuse-gcs/block_fetch.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fuse-gcs/block_cache.h"
#include "fuse-gcs/cache_filter.h"
#include "fuse-gcs/complaint.h"
#include "fuse-gcs/disk_cache.h"
#include "fuse-gcs/fetch_pool.h"
#include "fuse-gcs/names.h"
#include "fuse-gcs/sums.h"
#include "lib/base/clock.h"
#include "lib/base/crc32c.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define BLOCK_FETCH_THREADS 32

struct fetcher {
        pthread_mutex_t lock;
        pthread_cond_t idle;
        size_t n_running;
        struct sums *sums;
        struct fetch_pool *pool;
        pthread_mutex_t keeping; /* held while content goes to the disk, or is dropped everywhere */
        atomic_uint n_wrong;     /* contents that were dropped */
};

/* One GET. It is made by the thread that goes with it (block_fetch_go()): the reader's own or one
 * of the pool's; what does not come that way is left to the remote's. */
struct block_fetch {
        struct fetch_pool_task task;
        struct gcs_request q;
        struct mnt *m;
        struct block_cache_run *run;
        char *path;
        struct block_fetch_source source;
        uint64_t from, n_wanted, n_got;
        struct iovec rooms[GCS_DIRECT_PIECES]; /* where the next bytes are being received */
        unsigned n_wrong;                      /* the fetcher's, when it began */
        bool is_bad;                           /* what came is not what the bucket has */
};

static void block_fetch_count(struct mnt *m, int by) {
        struct fetcher *f = m->fetcher;

        pthread_mutex_lock(&f->lock);
        f->n_running += (size_t) by;
        if (f->n_running == 0)
                pthread_cond_broadcast(&f->idle);
        pthread_mutex_unlock(&f->lock);
}

static void block_fetch_drop(struct mnt *m, const struct block_fetch_source *s) {
        block_cache_drop(m->blocks, s->content,
                         (s->size + BLOCK_CACHE_SIZE - 1) / BLOCK_CACHE_SIZE);
}

/* All of it together is not what the bucket has. Nothing of it is kept, and then it is told: before
 * anybody sees its last bytes. */
static void block_fetch_is_wrong(struct block_fetch *f) {
        struct mnt *m = f->m;
        const struct block_fetch_source *s = &f->source;

        f->is_bad = true;
        log_error("%s: generation %" PRId64
                  " came with another checksum than the bucket has for it: "
                  "what came is dropped",
                  f->path, s->generation);
        pthread_mutex_lock(&m->fetcher->keeping);
        m->fetcher->n_wrong++;
        block_fetch_drop(m, s);
        if (m->disk)
                disk_cache_drop(m->disk, s->path);
        pthread_mutex_unlock(&m->fetcher->keeping);
        if (!f->run->is_held)
                sums_put_bad(m->fetcher->sums, s->content);
}

/* n bytes came: summed up before anybody is told of them. */
static int block_fetch_sum(struct block_fetch *f, size_t n, const struct iovec *v) {
        const struct sums_object o = {f->source.content, f->source.size, f->source.crc32c};
        uint32_t crc32c = 0;
        int r = 0;

        if (f->source.has_crc32c) {
                for (size_t left = n, part; left > 0; left -= part, v++) {
                        part = MIN(left, v->iov_len);
                        crc32c = crc32c_add(crc32c, v->iov_base, part);
                }
                r = sums_add(f->m->fetcher->sums, &o, f->from + f->n_got, n, crc32c);
        }
        f->n_got += n;
        if (r == -EBADMSG)
                block_fetch_is_wrong(f);
        return r < 0 ? r : 0;
}

static int block_fetch_on_data(void *ctx, const char *data, size_t n) {
        struct block_fetch *f = ctx;
        int r = block_fetch_sum(f, n, &(struct iovec){(char *) data, n});

        return r < 0 ? r : block_cache_fill(f->m->blocks, f->run, data, n);
}

static size_t block_fetch_rooms(void *ctx, struct iovec *v, size_t n_max) {
        struct block_fetch *f = ctx;
        size_t n = block_cache_rooms(f->run, f->rooms, MIN(n_max, ARRAY_SIZE(f->rooms)));

        memcpy(v, f->rooms, n * sizeof(*v));
        return n;
}

static int block_fetch_took(void *ctx, size_t n) {
        struct block_fetch *f = ctx;
        int r = block_fetch_sum(f, n, f->rooms);

        if (r >= 0)
                block_cache_took(f->m->blocks, f->run, n);
        return r;
}

static void block_fetch_store(struct block_fetch *f) {
        const struct disk_files_key k = block_fetch_key(&f->source);
        uint64_t index = f->from / BLOCK_CACHE_SIZE;

        if (!f->m->disk || !cache_filter_takes(f->m->o.disk_filter, f->path))
                return;
        for (unsigned i = 0; i < f->run->n; i++, index++)
                if (f->run->blocks[i]->n_filled == f->run->blocks[i]->n_wanted)
                        disk_cache_store(f->m->disk, &k, index, f->run->blocks[i]->data,
                                         f->run->blocks[i]->n_filled);
}

/* What was found wrong meanwhile may be this content, of which another GET brought the last: that
 * one dropped what was there of it, but not what was still being told. */
static void block_fetch_end(struct block_fetch *f, int error) {
        struct mnt *m = f->m;
        bool is_doubtful;

        pthread_mutex_lock(&m->fetcher->keeping);
        is_doubtful = f->n_wrong != m->fetcher->n_wrong;
        if (!f->is_bad && !is_doubtful)
                block_fetch_store(f);
        pthread_mutex_unlock(&m->fetcher->keeping);
        block_cache_end(m->blocks, f->run, error);
        if (is_doubtful)
                block_fetch_drop(m, &f->source);
        mem_free(f->path);
        mem_free(f);
        block_fetch_count(m, -1);
}

static void block_fetch_on_done(void *ctx, const struct gcs_answer *a) {
        struct block_fetch *f = ctx;

        if (!f->is_bad)
                complaint_ended(&f->q, a);
        block_fetch_end(f, f->is_bad                ? -EBADMSG
                           : a->error < 0           ? a->error
                           : f->n_got < f->n_wanted ? -EIO
                                                    : 0);
}

void block_fetch_go(struct block_fetch *f) {
        const struct gcs_direct_sink sink = {block_fetch_rooms, block_fetch_took, f};
        usec_t began_at = clock_mono(clock_system()), spent_for;
        struct mnt *m = f->m;
        int r = remote_read(m->remote, &f->q, &sink);

        if (r == 1) {
                /* One deadline for both ways; 0 would be the client's. */
                spent_for = clock_mono(clock_system()) - began_at;
                f->q.budget_for -= f->q.budget_for > 0 ? MIN(spent_for, f->q.budget_for - 1) : 0;
                r = remote_start(m->remote, &f->q);
                if (r >= 0)
                        return;
        }
        block_fetch_end(f, r);
}

static void block_fetch_run_task(struct fetch_pool_task *t) {
        block_fetch_go(container_of(t, struct block_fetch, task));
}

void block_fetch_source_init(struct block_fetch_source *s, const char *path,
                             const struct attrs *a) {
        *s = (struct block_fetch_source){
                .path = path,
                .generation = a->generation,
                .content = names_content(path, a->generation),
                .size = a->size,
                .has_crc32c = a->has_crc32c,
                .crc32c = a->crc32c,
        };
}

struct disk_files_key block_fetch_key(const struct block_fetch_source *s) {
        return (struct disk_files_key){s->path, s->content, s->generation, s->size};
}

bool block_fetch_was_bad(struct mnt *m, const struct block_fetch_source *s) {
        return sums_take_bad(m->fetcher->sums, s->content);
}

/* One GET for the run, which is ended when it cannot be. */
static int block_fetch_new(struct mnt *m, const struct block_fetch_source *s,
                           struct block_cache_run *run, struct block_fetch **ret) {
        struct block_fetch *f = mem_new(struct block_fetch);
        const struct block_cache_block *last = run->blocks[run->n - 1];

        if (!f || !(f->path = mem_strdup(s->path))) {
                mem_free(f);
                block_cache_end(m->blocks, run, -ENOMEM);
                return -ENOMEM;
        }
        f->task.run = block_fetch_run_task;
        f->n_wrong = m->fetcher->n_wrong;
        f->m = m;
        f->run = run;
        f->source = *s;
        f->source.path = f->path;
        f->from = run->blocks[0]->index * BLOCK_CACHE_SIZE;
        f->n_wanted = last->index * BLOCK_CACHE_SIZE + last->n_wanted - f->from;
        gcs_request_init(&f->q, GCS_READ, f->path);
        f->q.generation = s->generation;
        f->q.by_json = m->o.by_json;
        f->q.offset = f->from;
        f->q.length = f->n_wanted;
        f->q.sink = block_fetch_on_data;
        f->q.sink_ctx = f;
        f->q.done = block_fetch_on_done;
        f->q.ctx = f;
        f->q.budget_for = m->o.metadata_budget_for;
        run->is_held = s->has_crc32c && f->from == 0 && f->n_wanted == s->size &&
                       s->size <= BLOCK_FETCH_WHOLE;
        block_fetch_count(m, 1);
        *ret = f;
        return 0;
}

/* Somebody else makes it. */
static void block_fetch_send(struct block_fetch *f) {
        struct mnt *m = f->m;
        int r = 1;

        if (m->remote->ops->read && m->fetcher->pool)
                r = fetch_pool_put(m->fetcher->pool, &f->task);
        if (r == 0)
                return;
        r = remote_start(m->remote, &f->q);
        if (r < 0)
                block_fetch_end(f, r);
}

/* Is the block on the disk? Then it is in memory now, when there is room or a read must have it. */
static bool block_fetch_from_disk(struct mnt *m, const struct block_fetch_source *s, uint64_t index,
                                  struct block_cache_block **must) {
        _cleanup_free_ char *data = NULL;
        uint64_t from = index * BLOCK_CACHE_SIZE;
        uint32_t n = (uint32_t) MIN(s->size - from, (uint64_t) BLOCK_CACHE_SIZE);
        const struct disk_files_key k = block_fetch_key(s);

        if (!m->disk || !disk_cache_has(m->disk, &k, index))
                return false;
        data = mem_alloc(BLOCK_CACHE_SIZE);
        if (!data || disk_cache_load(m->disk, &k, index, data, n) < 0)
                return false;
        block_cache_add(m->blocks, s->content, index, data, n, must);
        return !must || *must;
}

int block_fetch_range(struct mnt *m, const struct block_fetch_source *s, uint64_t from, uint64_t to,
                      uint64_t n_unit, struct block_cache_block **ret_first,
                      struct block_fetch **ret_own) {
        uint64_t first = from / BLOCK_CACHE_SIZE;
        uint64_t end = (MIN(to, s->size) + BLOCK_CACHE_SIZE - 1) / BLOCK_CACHE_SIZE;
        uint64_t n_most = MAX(n_unit / BLOCK_CACHE_SIZE, (uint64_t) 1);
        bool was_on_disk = false;

        while (first < end) {
                struct block_cache_run *run;
                struct block_fetch *f;
                uint64_t n = MIN(MIN(end - first, n_most), (uint64_t) BLOCK_CACHE_RUN_MAX);
                int r;

                if (block_fetch_from_disk(m, s, first, ret_first)) {
                        was_on_disk = was_on_disk || ret_first;
                        first++;
                        ret_first = NULL;
                        ret_own = NULL;
                        continue;
                }
                r = block_cache_reserve(m->blocks, s->content, first, (unsigned) n, s->size,
                                        ret_first, &run);
                if (r == 1) {
                        ret_first = NULL;
                        ret_own = NULL;
                        first++; /* somebody else sees to it */
                        continue;
                }
                if (r < 0)
                        return r == -ENOBUFS && was_on_disk ? 1 : r;
                first += run->n;
                ret_first = NULL;
                r = block_fetch_new(m, s, run, &f);
                if (r < 0)
                        return r;
                if (ret_own)
                        *ret_own = f;
                else
                        block_fetch_send(f);
                ret_own = NULL;
        }
        return was_on_disk;
}

int block_fetch_aside(struct mnt *m, struct fetch_pool_task *t) {
        int r;

        block_fetch_count(m, 1);
        r = fetch_pool_put(m->fetcher->pool, t);
        if (r < 0)
                block_fetch_count(m, -1);
        return r;
}

void block_fetch_aside_ended(struct mnt *m) {
        block_fetch_count(m, -1);
}

void block_fetch_drain(struct mnt *m) {
        struct fetcher *f = m->fetcher;

        pthread_mutex_lock(&f->lock);
        while (f->n_running > 0)
                pthread_cond_wait(&f->idle, &f->lock);
        pthread_mutex_unlock(&f->lock);
}

int block_fetch_init(struct mnt *m) {
        struct fetcher *f = mem_new(struct fetcher);

        if (!f)
                return -ENOMEM;
        if (sums_new(&f->sums) < 0 || fetch_pool_new(BLOCK_FETCH_THREADS, &f->pool) < 0) {
                sums_free(f->sums);
                mem_free(f);
                return -ENOMEM;
        }
        pthread_mutex_init(&f->lock, NULL);
        pthread_cond_init(&f->idle, NULL);
        pthread_mutex_init(&f->keeping, NULL);
        m->fetcher = f;
        return 0;
}

void block_fetch_done(struct mnt *m) {
        struct fetcher *f = m->fetcher;

        if (!f)
                return;
        block_fetch_drain(m);
        fetch_pool_free(f->pool);
        pthread_cond_destroy(&f->idle);
        pthread_mutex_destroy(&f->keeping);
        pthread_mutex_destroy(&f->lock);
        sums_free(f->sums);
        m->fetcher = mem_free(f);
}
