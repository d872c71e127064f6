#include "fuse-gcs/block_cache.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lib/base/mem.h"

struct block_cache {
        pthread_mutex_t lock;
        size_t n_max, n; /* blocks */
        struct block_cache_block **slots;
        size_t n_slots;
        struct block_cache_block *newest, *oldest;
        struct block_cache_block *spare; /* memory to be used again */
        size_t n_spare;
        struct block_cache_stats stats;
};

int block_cache_new(size_t n_bytes_max, struct block_cache **ret) {
        struct block_cache *c = mem_new(struct block_cache);

        if (!c)
                return -ENOMEM;
        c->n_max = MAX(n_bytes_max / BLOCK_CACHE_SIZE, (size_t) 16);
        c->n_slots = 64;
        while (c->n_slots < c->n_max)
                c->n_slots *= 2;
        c->slots = mem_zalloc_array(c->n_slots, sizeof(*c->slots));
        if (!c->slots) {
                mem_free(c);
                return -ENOMEM;
        }
        pthread_mutex_init(&c->lock, NULL);
        *ret = c;
        return 0;
}

size_t block_cache_limit(const struct block_cache *c) {
        return c->n_max * BLOCK_CACHE_SIZE;
}

static struct block_cache_block **block_cache_slot(struct block_cache *c, uint64_t content,
                                                   uint64_t index) {
        uint64_t h = (content ^ index) * UINT64_C(0x9e3779b97f4a7c15);
        struct block_cache_block **b = &c->slots[(h >> 20) & (c->n_slots - 1)];

        while (*b && !((*b)->content == content && (*b)->index == index))
                b = &(*b)->next_in_slot;
        return b;
}

static void block_cache_unuse(struct block_cache *c, struct block_cache_block *b) {
        *(b->newer ? &b->newer->older : &c->newest) = b->older;
        *(b->older ? &b->older->newer : &c->oldest) = b->newer;
        b->newer = b->older = NULL;
}

static void block_cache_use(struct block_cache *c, struct block_cache_block *b) {
        if (c->newest == b)
                return;
        if (b->newer || b->older || c->oldest == b)
                block_cache_unuse(c, b);
        b->older = c->newest;
        *(c->newest ? &c->newest->newer : &c->oldest) = b;
        c->newest = b;
}

/* Out of the table; memory goes with the last reference. */
static void block_cache_unlink(struct block_cache *c, struct block_cache_block *b) {
        struct block_cache_block **slot = block_cache_slot(c, b->content, b->index);

        if (*slot == b) {
                *slot = b->next_in_slot;
                b->next_in_slot = NULL;
                block_cache_unuse(c, b);
                b->content = 0; /* names_content() of nothing: found by nobody */
                b->index = UINT64_MAX;
        }
}

static void block_cache_release(struct block_cache *c, struct block_cache_block *b) {
        assert(b->n_refs == 0);
        if (c->n > c->n_max || c->n_spare > 64) {
                mem_free(b->data);
                mem_free(b);
        } else {
                b->next_in_slot = c->spare;
                c->spare = b;
                c->n_spare++;
        }
        c->n--;
}

static bool block_cache_evict(struct block_cache *c) {
        struct block_cache_block *b = c->oldest;

        while (b && (b->n_refs > 0 || b->run))
                b = b->newer;
        if (!b)
                return false;
        block_cache_unlink(c, b);
        block_cache_release(c, b);
        c->stats.n_evicted++;
        return true;
}

static struct block_cache_block *block_cache_make(struct block_cache *c, uint64_t content,
                                                  uint64_t index, bool must) {
        struct block_cache_block *b, **slot;

        if (c->n >= c->n_max && !block_cache_evict(c) && !must)
                return NULL;
        b = c->spare;
        if (b) {
                char *data = b->data;

                c->spare = b->next_in_slot;
                c->n_spare--;
                *b = (struct block_cache_block){.data = data};
        } else {
                b = mem_new(struct block_cache_block);
                if (!b || !(b->data = mem_alloc(BLOCK_CACHE_SIZE))) {
                        mem_free(b);
                        return NULL;
                }
        }
        b->content = content;
        b->index = index;
        slot = block_cache_slot(c, content, index);
        b->next_in_slot = *slot;
        *slot = b;
        c->n++;
        block_cache_use(c, b);
        return b;
}

struct block_cache_block *block_cache_get(struct block_cache *c, uint64_t content, uint64_t index) {
        struct block_cache_block *b;

        pthread_mutex_lock(&c->lock);
        b = *block_cache_slot(c, content, index);
        if (b) {
                b->n_refs++;
                block_cache_use(c, b);
                c->stats.n_hits++;
        } else {
                c->stats.n_misses++;
        }
        pthread_mutex_unlock(&c->lock);
        return b;
}

static void block_cache_unref(struct block_cache *c, struct block_cache_block *b) {
        assert(b->n_refs > 0);
        b->n_refs--;
        /* Dropped meanwhile, or more than there is room for. */
        if (b->n_refs == 0 && b->index == UINT64_MAX) {
                block_cache_release(c, b);
        } else if (b->n_refs == 0 && !b->run && c->n > c->n_max) {
                block_cache_unlink(c, b);
                block_cache_release(c, b);
        }
}

void block_cache_put(struct block_cache *c, struct block_cache_block *b) {
        pthread_mutex_lock(&c->lock);
        block_cache_unref(c, b);
        pthread_mutex_unlock(&c->lock);
}

static void block_cache_run_unref(struct block_cache_run *run) {
        if (--run->n_refs == 0) {
                pthread_cond_destroy(&run->cond);
                mem_free(run);
        }
}

int block_cache_wait(struct block_cache *c, struct block_cache_block *b, uint32_t n) {
        struct block_cache_run *run;
        int r = 0;

        pthread_mutex_lock(&c->lock);
        run = b->run;
        if (run && b->n_filled < n) {
                run->n_refs++;
                while (b->run == run && b->n_filled < n && !run->is_ended)
                        pthread_cond_wait(&run->cond, &c->lock);
                if (b->n_filled < n)
                        r = run->error ?: -EIO;
                block_cache_run_unref(run);
        } else if (b->n_filled < n) {
                r = -EIO;
        }
        pthread_mutex_unlock(&c->lock);
        return r;
}

int block_cache_reserve(struct block_cache *c, uint64_t content, uint64_t first, unsigned n,
                        uint64_t size, bool must, struct block_cache_run **ret) {
        struct block_cache_run *run = mem_new(struct block_cache_run);
        int r = 1;

        if (!run)
                return -ENOMEM;
        pthread_mutex_lock(&c->lock);
        for (uint64_t i = first; run->n < MIN(n, (unsigned) BLOCK_CACHE_RUN_MAX); i++) {
                struct block_cache_block *b;
                uint64_t from = i * BLOCK_CACHE_SIZE;

                if (from >= size || *block_cache_slot(c, content, i))
                        break;
                b = block_cache_make(c, content, i, must && run->n == 0);
                if (!b) {
                        r = -ENOBUFS;
                        break;
                }
                b->n_wanted = (uint32_t) MIN(size - from, (uint64_t) BLOCK_CACHE_SIZE);
                b->run = run;
                b->n_refs = 1; /* the run's */
                run->blocks[run->n++] = b;
        }
        pthread_mutex_unlock(&c->lock);
        if (run->n == 0) {
                mem_free(run);
                return r;
        }
        run->n_refs = 1;
        pthread_cond_init(&run->cond, NULL);
        *ret = run;
        return 0;
}

int block_cache_fill(struct block_cache *c, struct block_cache_run *run, const char *data,
                     size_t n) {
        /* Only the run writes: the bytes go in without the lock, then are told of. */
        while (n > 0) {
                struct block_cache_block *b;
                size_t part;

                if (run->at >= run->n)
                        return -EMSGSIZE;
                b = run->blocks[run->at];
                part = MIN(n, (size_t) (b->n_wanted - b->n_filled));
                memcpy(b->data + b->n_filled, data, part);
                data += part;
                n -= part;
                pthread_mutex_lock(&c->lock);
                b->n_filled += (uint32_t) part;
                if (b->n_filled == b->n_wanted) {
                        b->run = NULL;
                        run->at++;
                }
                if (run->n_refs > 1)
                        pthread_cond_broadcast(&run->cond);
                pthread_mutex_unlock(&c->lock);
        }
        return 0;
}

void block_cache_end(struct block_cache *c, struct block_cache_run *run, int error) {
        pthread_mutex_lock(&c->lock);
        run->is_ended = true;
        run->error = error;
        for (unsigned i = 0; i < run->n; i++) {
                struct block_cache_block *b = run->blocks[i];

                if (b->n_filled < b->n_wanted) {
                        b->run = NULL;
                        block_cache_unlink(c, b);
                }
                block_cache_unref(c, b);
        }
        pthread_cond_broadcast(&run->cond);
        block_cache_run_unref(run);
        pthread_mutex_unlock(&c->lock);
}

void block_cache_add(struct block_cache *c, uint64_t content, uint64_t index, const char *data,
                     uint32_t n) {
        struct block_cache_block *b;

        pthread_mutex_lock(&c->lock);
        if (!*block_cache_slot(c, content, index)) {
                b = block_cache_make(c, content, index, false);
                if (b) {
                        memcpy(b->data, data, n);
                        b->n_filled = b->n_wanted = n;
                }
        }
        pthread_mutex_unlock(&c->lock);
}

void block_cache_drop(struct block_cache *c, uint64_t content, uint64_t n_blocks) {
        pthread_mutex_lock(&c->lock);
        for (uint64_t i = 0; i < n_blocks; i++) {
                struct block_cache_block *b = *block_cache_slot(c, content, i);

                if (!b || b->run)
                        continue;
                block_cache_unlink(c, b);
                if (b->n_refs == 0)
                        block_cache_release(c, b);
        }
        pthread_mutex_unlock(&c->lock);
}

void block_cache_stats_get(struct block_cache *c, struct block_cache_stats *ret) {
        pthread_mutex_lock(&c->lock);
        *ret = c->stats;
        ret->n_bytes = (c->n + c->n_spare) * BLOCK_CACHE_SIZE;
        pthread_mutex_unlock(&c->lock);
}

struct block_cache *block_cache_free(struct block_cache *c) {
        if (!c)
                return NULL;
        while (c->oldest) {
                struct block_cache_block *b = c->oldest;

                assert(b->n_refs == 0);
                block_cache_unlink(c, b);
                mem_free(b->data);
                mem_free(b);
        }
        while (c->spare) {
                struct block_cache_block *b = c->spare;

                c->spare = b->next_in_slot;
                mem_free(b->data);
                mem_free(b);
        }
        pthread_mutex_destroy(&c->lock);
        mem_free(c->slots);
        return mem_free(c);
}
