#include "fuse-gcs/block_cache.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "fuse-gcs/interrupt.h"
#include "fuse-gcs/mnt.h"
#include "lib/base/mem.h"

struct block_cache {
        pthread_mutex_t lock;
        size_t n_max, n; /* blocks */
        struct block_cache_block **slots;
        size_t n_slots;
        struct block_cache_block *newest, *oldest;
        char *memory;                    /* of n_max blocks */
        size_t n_used;                   /* blocks of it that were ever used */
        struct block_cache_block *spare; /* to be used again */
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
        c->memory = mmap(NULL, c->n_max * BLOCK_CACHE_SIZE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (!c->slots || c->memory == MAP_FAILED) {
                if (c->memory != MAP_FAILED)
                        munmap(c->memory, c->n_max * BLOCK_CACHE_SIZE);
                mem_free(c->slots);
                mem_free(c);
                return -ENOMEM;
        }
        /* Larger pages are pinned and copied with less work. */
        (void) madvise(c->memory, c->n_max * BLOCK_CACHE_SIZE, MADV_HUGEPAGE);
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
        b->is_last = false;
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

static void block_cache_destroy(struct block_cache_block *b) {
        pthread_cond_destroy(&b->cond);
        if (b->is_extra)
                mem_free(b->data);
        mem_free(b);
}

static void block_cache_release(struct block_cache *c, struct block_cache_block *b) {
        assert(b->n_refs == 0);
        if (b->is_extra) {
                block_cache_destroy(b);
        } else {
                b->next_in_slot = c->spare;
                c->spare = b;
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

/* A block without content; extra: beyond the mapping. */
static struct block_cache_block *block_cache_new_block(struct block_cache *c, bool extra) {
        struct block_cache_block *b = c->spare;

        if (b && !extra) {
                c->spare = b->next_in_slot;
                b->next_in_slot = NULL;
                b->n_filled = b->n_wanted = 0;
                b->error = 0;
                return b;
        }
        b = mem_new(struct block_cache_block);
        if (!b)
                return NULL;
        b->is_extra = extra;
        b->data = extra ? mem_alloc(BLOCK_CACHE_SIZE) : c->memory + c->n_used * BLOCK_CACHE_SIZE;
        if (!b->data)
                return mem_free(b);
        c->n_used += !extra;
        pthread_cond_init(&b->cond, NULL);
        return b;
}

static struct block_cache_block *block_cache_make(struct block_cache *c, uint64_t content,
                                                  uint64_t index, bool must) {
        bool full = !c->spare && c->n_used >= c->n_max;
        bool has_last = !c->spare && c->oldest && c->oldest->is_last && c->oldest->n_refs == 0;
        struct block_cache_block *b, **slot;

        if ((full || has_last) && block_cache_evict(c))
                full = !c->spare && c->n_used >= c->n_max;
        if (full && !must)
                return NULL;
        b = block_cache_new_block(c, full);
        if (!b)
                return NULL;
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

/* What was used last, and so is in the processor's cache still, is the first to go. */
static void block_cache_to_last(struct block_cache *c, struct block_cache_block *b) {
        if (b == c->oldest)
                return;
        block_cache_unuse(c, b);
        b->newer = c->oldest;
        *(c->oldest ? &c->oldest->older : &c->newest) = b;
        c->oldest = b;
}

static void block_cache_unref(struct block_cache *c, struct block_cache_block *b) {
        assert(b->n_refs > 0);
        b->n_refs--;
        /* Dropped meanwhile, or more than there is room for. */
        if (b->n_refs == 0 && b->index == UINT64_MAX) {
                block_cache_release(c, b);
        } else if (b->n_refs == 0 && !b->run && b->is_extra) {
                block_cache_unlink(c, b);
                block_cache_release(c, b);
        } else if (b->n_refs == 0 && b->is_last) {
                block_cache_to_last(c, b);
        }
}

void block_cache_put(struct block_cache *c, struct block_cache_block *b) {
        pthread_mutex_lock(&c->lock);
        block_cache_unref(c, b);
        pthread_mutex_unlock(&c->lock);
}

void block_cache_put_last(struct block_cache *c, struct block_cache_block *b) {
        pthread_mutex_lock(&c->lock);
        b->is_last = true;
        block_cache_unref(c, b);
        pthread_mutex_unlock(&c->lock);
}

static void block_cache_run_unref(struct block_cache_run *run) {
        if (--run->n_refs == 0)
                mem_free(run);
}

struct block_cache_wait {
        struct interrupt_wait interrupt;
        struct block_cache *cache;
        struct block_cache_block *block;
};

static void block_cache_wake(void *ctx) {
        const struct block_cache_wait *w = ctx;

        pthread_mutex_lock(&w->cache->lock);
        pthread_cond_broadcast(&w->block->cond);
        pthread_mutex_unlock(&w->cache->lock);
}

/* Under the lock: until something happened, or might have. 0 or -EINTR. */
static int block_cache_wait_turn(struct block_cache_wait *w) {
        if (interrupt_came(&w->interrupt) && interrupt_is_wanted())
                return -EINTR;
        interrupt_wait_on(&w->interrupt, &w->block->cond, &w->cache->lock);
        return 0;
}

static int block_cache_wait_for(struct block_cache_wait *w, uint32_t n, usec_t *ret_waited_for) {
        struct block_cache *c = w->cache;
        struct block_cache_block *b = w->block;
        struct block_cache_run *run;
        usec_t began_at;
        int r = 0;

        pthread_mutex_lock(&c->lock);
        run = b->run;
        if (run && b->n_filled < n) {
                run->n_refs++;
                began_at = mnt_now();
                while (r == 0 && b->run == run && b->n_filled < n && !run->is_ended) {
                        b->wake_at = b->n_waiting > 0 ? MIN(b->wake_at, n) : n;
                        b->n_waiting++;
                        r = block_cache_wait_turn(w);
                        b->n_waiting--;
                }
                block_cache_run_unref(run);
                *ret_waited_for += mnt_now() - began_at;
        }
        if (b->n_filled < n && r == 0)
                r = b->error ?: -EIO;
        pthread_mutex_unlock(&c->lock);
        return r;
}

int block_cache_wait(struct block_cache *c, struct block_cache_block *b, uint32_t n,
                     usec_t *ret_waited_for) {
        struct block_cache_wait w = {
                .interrupt = {.wake = block_cache_wake, .ctx = &w}, .cache = c, .block = b};
        bool is_there;
        int r;

        pthread_mutex_lock(&c->lock);
        is_there = b->n_filled >= n;
        pthread_mutex_unlock(&c->lock);
        if (is_there)
                return 0;
        interrupt_wait_begin(&w.interrupt);
        r = block_cache_wait_for(&w, n, ret_waited_for);
        interrupt_wait_end(&w.interrupt);
        return r;
}

int block_cache_reserve(struct block_cache *c, uint64_t content, uint64_t first, unsigned n,
                        uint64_t size, struct block_cache_block **must,
                        struct block_cache_run **ret) {
        struct block_cache_run *run = mem_new(struct block_cache_run);
        int r = 1;

        if (!run)
                return -ENOMEM;
        run->n_refs = 1; /* before others see its blocks */
        pthread_mutex_lock(&c->lock);
        for (uint64_t i = first; run->n < MIN(n, (unsigned) BLOCK_CACHE_RUN_MAX); i++) {
                struct block_cache_block *b;
                uint64_t from = i * BLOCK_CACHE_SIZE;

                b = *block_cache_slot(c, content, i);
                if (b && must && i == first) {
                        b->n_refs++;
                        block_cache_use(c, b);
                        *must = b;
                }
                if (from >= size || b)
                        break;
                b = block_cache_make(c, content, i, must && run->n == 0);
                if (!b) {
                        r = -ENOBUFS;
                        break;
                }
                b->n_wanted = (uint32_t) MIN(size - from, (uint64_t) BLOCK_CACHE_SIZE);
                b->run = run;
                b->n_refs = 1; /* the run's */
                if (must && run->n == 0) {
                        b->n_refs++;
                        *must = b;
                }
                run->blocks[run->n++] = b;
        }
        pthread_mutex_unlock(&c->lock);
        if (run->n == 0) {
                mem_free(run);
                return r;
        }
        *ret = run;
        return 0;
}

/* Says what came into the run's blocks: n bytes from its block `at` on. */
static void block_cache_tell(struct block_cache_run *run, size_t n) {
        while (n > 0) {
                struct block_cache_block *b = run->blocks[run->at];
                size_t part = MIN(n, (size_t) (b->n_wanted - b->n_filled));

                b->n_filled += (uint32_t) part;
                n -= part;
                if (b->n_filled == b->n_wanted) {
                        b->run = NULL;
                        run->at++;
                }
                if (b->n_waiting > 0 && b->n_filled >= b->wake_at)
                        pthread_cond_broadcast(&b->cond);
        }
}

size_t block_cache_rooms(const struct block_cache_run *run, struct iovec *v, size_t n_max) {
        unsigned at = run->is_held ? (unsigned) (run->n_held / BLOCK_CACHE_SIZE) : run->at;
        size_t n = 0;

        for (unsigned i = at; i < run->n && n < n_max; i++, n++) {
                struct block_cache_block *b = run->blocks[i];
                size_t filled = i > at         ? 0
                                : run->is_held ? run->n_held % BLOCK_CACHE_SIZE
                                               : b->n_filled;

                if (filled == b->n_wanted)
                        break;
                v[n] = (struct iovec){b->data + filled, b->n_wanted - filled};
        }
        return n;
}

void block_cache_took(struct block_cache *c, struct block_cache_run *run, size_t n) {
        size_t wanted = 0;

        run->n_held += n;
        for (unsigned i = 0; run->is_held && i < run->n; i++)
                wanted += run->blocks[i]->n_wanted;
        if (run->is_held && run->n_held < wanted)
                return;
        pthread_mutex_lock(&c->lock);
        block_cache_tell(run, run->is_held ? wanted : n);
        pthread_mutex_unlock(&c->lock);
}

int block_cache_fill(struct block_cache *c, struct block_cache_run *run, const char *data,
                     size_t n) {
        while (n > 0) {
                struct iovec room;
                size_t part;

                if (block_cache_rooms(run, &room, 1) == 0)
                        return -EMSGSIZE;
                part = MIN(room.iov_len, n);
                memcpy(room.iov_base, data, part);
                block_cache_took(c, run, part);
                data += part;
                n -= part;
        }
        return 0;
}

void block_cache_end(struct block_cache *c, struct block_cache_run *run, int error) {
        pthread_mutex_lock(&c->lock);
        run->is_ended = true;
        for (unsigned i = 0; i < run->n; i++) {
                struct block_cache_block *b = run->blocks[i];

                if (b->n_filled < b->n_wanted) {
                        b->run = NULL;
                        b->error = error;
                        block_cache_unlink(c, b);
                }
                if (b->n_waiting > 0)
                        pthread_cond_broadcast(&b->cond);
                block_cache_unref(c, b);
        }
        block_cache_run_unref(run);
        pthread_mutex_unlock(&c->lock);
}

void block_cache_add(struct block_cache *c, uint64_t content, uint64_t index, const char *data,
                     uint32_t n, struct block_cache_block **must) {
        struct block_cache_block *b;

        pthread_mutex_lock(&c->lock);
        b = *block_cache_slot(c, content, index);
        if (!b) {
                b = block_cache_make(c, content, index, must);
                if (b) {
                        memcpy(b->data, data, n);
                        b->n_filled = b->n_wanted = n;
                }
        }
        if (b && must) {
                b->n_refs++;
                *must = b;
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
        ret->n_bytes = MAX(c->n, c->n_used) * BLOCK_CACHE_SIZE;
        pthread_mutex_unlock(&c->lock);
}

struct block_cache *block_cache_free(struct block_cache *c) {
        if (!c)
                return NULL;
        while (c->oldest) {
                struct block_cache_block *b = c->oldest;

                assert(b->n_refs == 0);
                block_cache_unlink(c, b);
                block_cache_destroy(b);
        }
        while (c->spare) {
                struct block_cache_block *b = c->spare;

                c->spare = b->next_in_slot;
                block_cache_destroy(b);
        }
        pthread_mutex_destroy(&c->lock);
        munmap(c->memory, c->n_max * BLOCK_CACHE_SIZE);
        mem_free(c->slots);
        return mem_free(c);
}
