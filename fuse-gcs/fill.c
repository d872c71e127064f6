#include "fuse-gcs/fill.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fuse-gcs/cache_filter.h"
#include "fuse-gcs/disk_cache.h"
#include "fuse-gcs/read_meter.h"
#include "fuse-gcs/reader.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define FILL_QUEUE 64 /* objects that wait */
#define FILL_SEEN 64
#define FILL_STEP ((uint64_t) 4 << 20)

struct fill_job {
        struct block_fetch_source source;
        char *path;
};

/* A chunk that was whole; it may have been evicted since. */
struct fill_chunk {
        uint64_t content, at;
};

struct fill {
        pthread_mutex_t lock;
        struct fetch_pool_task task;
        struct mnt *m;
        bool is_running;
        struct fill_job jobs[FILL_QUEUE]; /* [0] is under way */
        size_t n_jobs;
        uint64_t line_at;       /* of [0]: so much is there, in whole lines */
        pthread_cond_t arrived; /* a line, or an end */
        pthread_mutex_t chunks; /* one at a time */
        struct fill_chunk seen[FILL_SEEN];
        size_t next_seen;
};

/* --- blocks ---------------------------------------------------------------------------------- */

int fill_block(struct mnt *m, const struct block_fetch_source *s, uint64_t index, char *data) {
        const struct disk_files_key k = block_fetch_key(s);
        uint64_t at = index * BLOCK_CACHE_SIZE;
        size_t size = (size_t) MIN(s->size - at, (uint64_t) BLOCK_CACHE_SIZE);
        struct prefetch alone = {};
        ssize_t n;

        if (disk_cache_has(m->disk, &k, index))
                return 0;
        n = reader_copy(m, s, &alone, at, data, size);
        if (n != (ssize_t) size)
                return n < 0 ? (int) n : -EIO;
        disk_cache_sync(m->disk);
        if (disk_cache_has(m->disk, &k, index))
                return 0;
        return disk_cache_put_block(m->disk, &k, index, data, (uint32_t) size) ? 0 : -ENOSPC;
}

/* [from, to), whole blocks; *ret_n_new: bytes that were not there. */
static int fill_range(struct mnt *m, const struct block_fetch_source *s, uint64_t from, uint64_t to,
                      uint64_t *ret_n_new) {
        _cleanup_free_ char *data = mem_alloc(BLOCK_CACHE_SIZE);
        const struct disk_files_key k = block_fetch_key(s);
        uint64_t asked_to = from;
        int r = data ? 0 : -ENOMEM;

        for (uint64_t at = from; r >= 0 && at < to; at += BLOCK_CACHE_SIZE) {
                if (m->stopping)
                        return -EINTR;
                if (disk_cache_has(m->disk, &k, at / BLOCK_CACHE_SIZE))
                        continue;
                if (at >= asked_to) {
                        asked_to = MIN(at + FILL_STEP, to);
                        (void) block_fetch_range(m, s, at, asked_to, PREFETCH_UNIT_MAX, NULL, NULL);
                }
                r = fill_block(m, s, at / BLOCK_CACHE_SIZE, data);
                *ret_n_new += MIN(to - at, (uint64_t) BLOCK_CACHE_SIZE);
        }
        return r;
}

static const char *fill_name(const struct mnt *m, const struct block_fetch_source *s) {
        return s->path + strlen(m->o.root);
}

/* --- whole objects --------------------------------------------------------------------------- */

static void fill_say(struct mnt *m, const struct block_fetch_source *s, uint64_t to) {
        if (read_meter_says())
                log_debug("Job:0x%" PRIx64 " (%s:/%s) downloaded till %" PRIu64 " offset.",
                          s->content, m->o.bucket ?: "", fill_name(m, s), to);
}

static void fill_arrived(struct fill *f, uint64_t line_at) {
        pthread_mutex_lock(&f->lock);
        f->line_at = line_at;
        pthread_cond_broadcast(&f->arrived);
        pthread_mutex_unlock(&f->lock);
}

static void fill_object(struct mnt *m, const struct block_fetch_source *s) {
        uint64_t n_new = 0;

        for (uint64_t at = 0, to; at < s->size; at = to) {
                to = MIN(at + m->o.fill->line_bytes, s->size);
                if (fill_range(m, s, at, to, &n_new) < 0)
                        return;
                fill_say(m, s, to);
                fill_arrived(m->fill, to);
        }
}

/* Under the lock: is it in the line that is brought just now? */
static bool fill_brings(const struct fill *f, uint64_t content, uint64_t offset) {
        return f->n_jobs > 0 && f->jobs[0].source.content == content && offset >= f->line_at &&
               offset - f->line_at < f->m->o.fill->line_bytes && !f->m->stopping;
}

void fill_wait(struct mnt *m, uint64_t content, uint64_t offset) {
        struct fill *f = m->fill;

        pthread_mutex_lock(&f->lock);
        while (fill_brings(f, content, offset))
                pthread_cond_wait(&f->arrived, &f->lock);
        pthread_mutex_unlock(&f->lock);
}

/* On a thread of the pool, until nobody waits. */
static void fill_run(struct fetch_pool_task *t) {
        struct fill *f = container_of(t, struct fill, task);
        struct mnt *m = f->m;

        pthread_mutex_lock(&f->lock);
        while (f->n_jobs > 0) {
                struct fill_job j = f->jobs[0];

                pthread_mutex_unlock(&f->lock);
                if (!m->stopping)
                        fill_object(m, &j.source);
                mem_free(j.path);
                pthread_mutex_lock(&f->lock);
                f->n_jobs--;
                memmove(&f->jobs[0], &f->jobs[1], f->n_jobs * sizeof(f->jobs[0]));
                f->line_at = 0;
                pthread_cond_broadcast(&f->arrived);
        }
        f->is_running = false;
        pthread_mutex_unlock(&f->lock);
        block_fetch_aside_ended(m);
}

static bool fill_has(const struct fill *f, uint64_t content) {
        for (size_t i = 0; i < f->n_jobs; i++)
                if (f->jobs[i].source.content == content)
                        return true;
        return false;
}

/* Under the lock. */
static void fill_queue(struct fill *f, const struct block_fetch_source *s) {
        struct fill_job *j = &f->jobs[f->n_jobs];

        *j = (struct fill_job){*s, mem_strdup(s->path)};
        if (!j->path)
                return;
        j->source.path = j->path;
        f->n_jobs++;
        if (!f->is_running)
                f->is_running = block_fetch_aside(f->m, &f->task) >= 0;
        if (!f->is_running)
                f->jobs[--f->n_jobs].path = mem_free(j->path);
}

void fill_after(struct mnt *m, const struct block_fetch_source *s, uint64_t offset,
                atomic_bool *h_done) {
        const struct disk_files_key k = block_fetch_key(s);
        const struct fill_plan *p = m->o.fill;
        struct fill *f = m->fill;

        if (!p->anywhere && (!p->at_start || offset > 0))
                return;
        *h_done = true;
        if (!cache_filter_takes(m->o.disk_filter, s->path) || disk_cache_claim(m->disk, &k) < 0)
                return;
        pthread_mutex_lock(&f->lock);
        if (f->n_jobs < FILL_QUEUE && !m->stopping && !fill_has(f, s->content))
                fill_queue(f, s);
        pthread_mutex_unlock(&f->lock);
}

/* --- chunks ---------------------------------------------------------------------------------- */

/* Was it whole, and is the block that is read now still there? */
static bool fill_is_seen(struct mnt *m, const struct block_fetch_source *s, uint64_t at,
                         uint64_t wanted) {
        const struct disk_files_key k = block_fetch_key(s);

        for (size_t i = 0; i < FILL_SEEN; i++)
                if (m->fill->seen[i].content == s->content && m->fill->seen[i].at == at)
                        return disk_cache_has(m->disk, &k, wanted / BLOCK_CACHE_SIZE);
        return false;
}

/* The chunk at `at`, of which a read wants what is at `wanted` first. */
static int fill_chunk(struct mnt *m, const struct block_fetch_source *s, uint64_t at,
                      uint64_t wanted) {
        uint64_t to = MIN(at + m->o.fill->chunk_bytes, s->size), n_new = 0;
        int r;

        if (fill_is_seen(m, s, at, wanted))
                return 0;
        r = fill_range(m, s, at, to, &n_new);
        if (r >= 0)
                m->fill->seen[m->fill->next_seen++ % FILL_SEEN] =
                        (struct fill_chunk){s->content, at};

        if (r >= 0 && n_new > 0 && read_meter_says())
                log_debug("Job:0x%" PRIx64 " (%s:/%s) downloaded range [%" PRIu64 ", %" PRIu64
                          "), added %" PRIu64 " bytes to sparse file",
                          s->content, m->o.bucket ?: "", fill_name(m, s), at, to, n_new);
        return r;
}

int fill_chunks(struct mnt *m, const struct block_fetch_source *s, uint64_t from, uint64_t to) {
        uint64_t unit = m->o.fill->chunk_bytes;
        int r = 0;

        if (!cache_filter_takes(m->o.disk_filter, s->path))
                return -ENOENT;
        to = MIN(to, s->size);
        pthread_mutex_lock(&m->fill->chunks);
        for (uint64_t at = from / unit * unit; r >= 0 && at < to; at += unit)
                r = fill_chunk(m, s, at, MAX(at, from));
        pthread_mutex_unlock(&m->fill->chunks);
        if (r < 0 && read_meter_says())
                log_debug("Sparse file read failed for %s: %s. Falling back to GCS.",
                          fill_name(m, s), errmsg_strerror(r));
        return r;
}

/* --- beginning and end ----------------------------------------------------------------------- */

int fill_init(struct mnt *m) {
        struct fill *f = mem_new(struct fill);

        if (!f)
                return -ENOMEM;
        pthread_mutex_init(&f->lock, NULL);
        pthread_mutex_init(&f->chunks, NULL);
        pthread_cond_init(&f->arrived, NULL);
        f->m = m;
        f->task.run = fill_run;
        m->fill = f;
        return 0;
}

void fill_done(struct mnt *m) {
        struct fill *f = m->fill;

        if (!f)
                return;
        pthread_mutex_destroy(&f->lock);
        pthread_mutex_destroy(&f->chunks);
        pthread_cond_destroy(&f->arrived);
        m->fill = mem_free(f);
}
