/* block_fetch: GETs that fill the block cache, many blocks with one. Threads: any may start one; it
 * ends on the remote's. */
#pragma once

#include "fuse-gcs/block_cache.h"
#include "fuse-gcs/mnt.h"

/* A content to be fetched: of one object's generation. */
struct block_fetch_source {
        const char *path; /* copied */
        int64_t generation;
        uint64_t content;
        uint64_t size;
};

/* Sees to it that the blocks of [from, to) are there or on their way, n_unit bytes with one GET.
 * ret_first (NULL: nobody waits): the first of them, referenced, when this began its GET; else it
 * is left alone. 0; -ENOBUFS: there was no room for all; -ENOMEM. */
int block_fetch_range(struct mnt *m, const struct block_fetch_source *s, uint64_t from, uint64_t to,
                      uint64_t n_unit, struct block_cache_block **ret_first);
/* Waits until no GET is under way any more. */
void block_fetch_drain(struct mnt *m);
int block_fetch_init(struct mnt *m);
void block_fetch_done(struct mnt *m);
