/* block_cache: pieces of objects in memory, BLOCK_CACHE_SIZE each, by content and number.
 *
 * A block is being filled (it has a run: the one GET that brings it and its neighbours) or whole.
 * Blocks in use or being filled are never evicted; of the others the least used goes first. What
 * is asked for by a read is always given, over the limit if it must be: at most one block for each
 * read. Memory is one mapping that is touched as it is needed. Threads: any; one lock. */
#pragma once

#include <pthread.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "lib/base/macros.h"

#define BLOCK_CACHE_SIZE ((size_t) 128 << 10)
#define BLOCK_CACHE_RUN_MAX 128 /* blocks a GET */

struct block_cache;
struct block_cache_run;

struct block_cache_block {
        uint64_t content;
        uint64_t index;
        char *data;
        uint32_t n_filled; /* grows to n_wanted under the lock; data before it does not change */
        uint32_t n_wanted; /* less than BLOCK_CACHE_SIZE at the object's end */
        unsigned n_refs;
        bool is_extra;               /* over the limit: its memory is its own */
        bool is_last;                /* among the oldest, to be the first that goes */
        struct block_cache_run *run; /* NULL: whole */
        int error;                   /* why it will never be whole */
        unsigned n_waiting;
        uint32_t wake_at; /* bytes of n_filled that one of them waits for */
        pthread_cond_t cond;
        struct block_cache_block *next_in_slot, *newer, *older;
};

/* The blocks one GET brings, in order. */
struct block_cache_run {
        struct block_cache_block *blocks[BLOCK_CACHE_RUN_MAX];
        unsigned n, at; /* at: the block being filled */
        bool is_ended;
        bool is_held; /* nobody is told of a byte before all of it is there */
        size_t n_held;
        unsigned n_refs; /* the fetch and those who wait */
};

struct block_cache_stats {
        uint64_t n_hits, n_misses, n_evicted;
        size_t n_bytes;
};

int block_cache_new(size_t n_bytes_max, struct block_cache **ret);
struct block_cache *block_cache_free(struct block_cache *c);

/* The block, referenced, or NULL; it may be being filled. */
struct block_cache_block *block_cache_get(struct block_cache *c, uint64_t content, uint64_t index);
void block_cache_put(struct block_cache *c, struct block_cache_block *b);
/* The same; nobody will ask for it again soon: it is the first to make room for another one, before
 * any memory that was never used. */
void block_cache_put_last(struct block_cache *c, struct block_cache_block *b);
/* Waits until n bytes of b are there. 0, or why they never will. ret_waited_for grows by the
 * time it took. */
int block_cache_wait(struct block_cache *c, struct block_cache_block *b, uint32_t n,
                     usec_t *ret_waited_for);

/* Makes a run of those of [first, first + n) that are missing, up to the first that is there.
 * size: the object's. must: a read waits for the first one, which it gets referenced, new or not;
 * NULL: nobody does. A run without blocks is not made: 1 = there is nothing to fetch, -ENOBUFS = no
 * room, -ENOMEM. */
int block_cache_reserve(struct block_cache *c, uint64_t content, uint64_t first, unsigned n,
                        uint64_t size, struct block_cache_block **must,
                        struct block_cache_run **ret);
/* Where the run's next bytes go, in order: so many places of at most n_max; 0: all are there. Only
 * the run's own GET writes, without the lock: nobody looks at bytes that were not told of. */
size_t block_cache_rooms(const struct block_cache_run *run, struct iovec *v, size_t n_max);
/* n of them are there. */
void block_cache_took(struct block_cache *c, struct block_cache_run *run, size_t n);
/* The same for bytes from elsewhere: copied. -EMSGSIZE: more than was asked for. */
int block_cache_fill(struct block_cache *c, struct block_cache_run *run, const char *data,
                     size_t n);
/* The GET is over. Blocks that are not whole are dropped, who waits hears error. The blocks that
 * are whole are given to each(), referenced by the run until then. */
void block_cache_end(struct block_cache *c, struct block_cache_run *run, int error);
/* A whole block from elsewhere; data is copied unless it is there. must: a read waits for it, which
 * gets it referenced (NULL still: no memory); NULL: nobody does, and without room nothing happens.
 */
void block_cache_add(struct block_cache *c, uint64_t content, uint64_t index, const char *data,
                     uint32_t n, struct block_cache_block **must);
/* Nobody will ask for it again. */
void block_cache_drop(struct block_cache *c, uint64_t content, uint64_t n_blocks);
void block_cache_stats_get(struct block_cache *c, struct block_cache_stats *ret);
size_t block_cache_limit(const struct block_cache *c);
