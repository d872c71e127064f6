#include "fuse-gcs/disk_queue.h"

#include <errno.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

#define DISK_QUEUE_MAX 128

struct disk_queue {
        pthread_mutex_t lock;
        pthread_cond_t more, less;
        pthread_t thread;
        struct disk_queue_options o;
        atomic_bool stops;
        bool has_begun;
        struct disk_queue_job writing; /* the job under way, or without a path */
        bool is_void;                  /* it was dropped meanwhile */
        struct disk_queue_job jobs[DISK_QUEUE_MAX];
        size_t first, n;
        uint64_t n_added, n_done; /* ever: the n-th is over once n are done */
        uint64_t n_dropped;
};

/* Under the lock. */
static struct disk_queue_job disk_queue_take(struct disk_queue *q) {
        struct disk_queue_job j = q->jobs[q->first];

        q->first = (q->first + 1) % DISK_QUEUE_MAX;
        q->n--;
        q->writing = j;
        q->is_void = j.n == 0;
        pthread_cond_broadcast(&q->less);
        return j;
}

static void disk_queue_rests(struct disk_queue *q) {
        q->writing.key.path = NULL;
        pthread_cond_broadcast(&q->less);
}

static void *disk_queue_main(void *ctx) {
        struct disk_queue *q = ctx;

        q->o.begin(q->o.ctx);
        pthread_mutex_lock(&q->lock);
        q->has_begun = true;
        disk_queue_rests(q);
        while (!q->stops || q->n > 0) {
                struct disk_queue_job j;

                if (q->n == 0) {
                        pthread_cond_wait(&q->more, &q->lock);
                        continue;
                }
                j = disk_queue_take(q);
                pthread_mutex_unlock(&q->lock);
                q->o.write(q->o.ctx, &j);
                pthread_mutex_lock(&q->lock);
                q->n_done++;
                disk_queue_rests(q);
                mem_free(j.data);
        }
        pthread_mutex_unlock(&q->lock);
        return NULL;
}

/* The data, and the path behind it. */
static char *disk_queue_copy(const char *path, const char *data, uint32_t n) {
        size_t path_len = strlen(path);
        char *copy = mem_alloc(n + path_len + 1);

        if (copy) {
                memcpy(copy, data, n);
                memcpy(copy + n, path, path_len + 1);
        }
        return copy;
}

/* Under the lock. Is it over once so many are done? */
static bool disk_queue_push(struct disk_queue *q, const struct disk_files_key *k, uint64_t index,
                            char *copy, uint32_t n) {
        struct disk_queue_job *j;

        if (!copy || q->n == DISK_QUEUE_MAX) {
                q->n_dropped++;
                return false;
        }
        j = &q->jobs[(q->first + q->n++) % DISK_QUEUE_MAX];
        *j = (struct disk_queue_job){*k, index, n, copy};
        j->key.path = copy + n;
        q->n_added++;
        pthread_cond_signal(&q->more);
        return true;
}

/* Under the lock, until all that were added up to now are over. */
static void disk_queue_wait(struct disk_queue *q) {
        uint64_t last = q->n_added;

        while (!q->has_begun || q->n_done < last)
                pthread_cond_wait(&q->less, &q->lock);
}

void disk_queue_add(struct disk_queue *q, const struct disk_files_key *k, uint64_t index,
                    const char *data, uint32_t n) {
        char *copy = disk_queue_copy(k->path, data, n);
        bool is_in;

        pthread_mutex_lock(&q->lock);
        is_in = disk_queue_push(q, k, index, copy, n);
        pthread_mutex_unlock(&q->lock);
        if (!is_in)
                mem_free(copy);
}

void disk_queue_put(struct disk_queue *q, const struct disk_files_key *k, uint64_t index,
                    const char *data, uint32_t n) {
        char *copy = disk_queue_copy(k->path, data, n);
        bool is_in;

        pthread_mutex_lock(&q->lock);
        while (q->n == DISK_QUEUE_MAX)
                pthread_cond_wait(&q->less, &q->lock);
        is_in = disk_queue_push(q, k, index, copy, n);
        if (is_in)
                disk_queue_wait(q);
        pthread_mutex_unlock(&q->lock);
        if (!is_in)
                mem_free(copy);
}

void disk_queue_drop(struct disk_queue *q, const char *path) {
        pthread_mutex_lock(&q->lock);
        for (size_t k = 0; k < q->n; k++) {
                struct disk_queue_job *j = &q->jobs[(q->first + k) % DISK_QUEUE_MAX];

                if (str_eq(j->key.path, path))
                        j->n = 0;
        }
        q->is_void = q->is_void || (q->writing.key.path && str_eq(q->writing.key.path, path));
        pthread_mutex_unlock(&q->lock);
}

static bool disk_queue_is_of(const struct disk_queue_job *j, const struct disk_files_key *k,
                             uint64_t index) {
        return j->n > 0 && j->index == index && j->key.content == k->content &&
               j->key.size == k->size && str_eq(j->key.path, k->path);
}

bool disk_queue_has(struct disk_queue *q, const struct disk_files_key *k, uint64_t index) {
        bool has;

        pthread_mutex_lock(&q->lock);
        has = q->writing.key.path && !q->is_void && disk_queue_is_of(&q->writing, k, index);
        for (size_t i = 0; !has && i < q->n; i++)
                has = disk_queue_is_of(&q->jobs[(q->first + i) % DISK_QUEUE_MAX], k, index);
        pthread_mutex_unlock(&q->lock);
        return has;
}

bool disk_queue_is_void(struct disk_queue *q) {
        bool is;

        pthread_mutex_lock(&q->lock);
        is = q->is_void;
        pthread_mutex_unlock(&q->lock);
        return is;
}

void disk_queue_sync(struct disk_queue *q) {
        pthread_mutex_lock(&q->lock);
        disk_queue_wait(q);
        pthread_mutex_unlock(&q->lock);
}

const atomic_bool *disk_queue_stops(const struct disk_queue *q) {
        return &q->stops;
}

uint64_t disk_queue_n_dropped(struct disk_queue *q) {
        uint64_t n;

        pthread_mutex_lock(&q->lock);
        n = q->n_dropped;
        pthread_mutex_unlock(&q->lock);
        return n;
}

static void disk_queue_done(struct disk_queue *q) {
        pthread_cond_destroy(&q->more);
        pthread_cond_destroy(&q->less);
        pthread_mutex_destroy(&q->lock);
        mem_free(q);
}

int disk_queue_new(const struct disk_queue_options *o, struct disk_queue **ret) {
        struct disk_queue *q = mem_new(struct disk_queue);
        int r;

        if (!q)
                return -ENOMEM;
        pthread_mutex_init(&q->lock, NULL);
        pthread_cond_init(&q->more, NULL);
        pthread_cond_init(&q->less, NULL);
        q->o = *o;
        *ret = q; /* begin() may want it */
        r = -pthread_create(&q->thread, NULL, disk_queue_main, q);
        if (r < 0) {
                *ret = NULL;
                disk_queue_done(q);
        }
        return r;
}

struct disk_queue *disk_queue_free(struct disk_queue *q) {
        if (!q)
                return NULL;
        pthread_mutex_lock(&q->lock);
        q->stops = true;
        pthread_cond_signal(&q->more);
        pthread_mutex_unlock(&q->lock);
        pthread_join(q->thread, NULL);
        disk_queue_done(q);
        return NULL;
}
