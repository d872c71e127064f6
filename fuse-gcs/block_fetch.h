/* block_fetch: GETs that fill the block cache, many blocks with one, received where they stay.
 * Threads: any may start one; it is made by a thread of the pool or by who wants it, and on the
 * remote's loop when that is not to be. */
#pragma once

#include "fuse-gcs/attrs.h"
#include "fuse-gcs/block_cache.h"
#include "fuse-gcs/disk_files.h"
#include "fuse-gcs/fetch_pool.h"
#include "fuse-gcs/mnt.h"

#define BLOCK_FETCH_WHOLE ((uint64_t) 1 << 20)

struct block_fetch;

/* A content to be fetched: of one object's generation. */
struct block_fetch_source {
        const char *path; /* copied */
        int64_t generation;
        uint64_t content;
        uint64_t size;
        bool has_crc32c;
        uint32_t crc32c; /* of all of it */
};

/* What the disk cache calls it; as long as the source's path. */
struct disk_files_key block_fetch_key(const struct block_fetch_source *s);
/* The attributes' part; path and content are filled in by who has them. Under `tree`, or with a
 * reference to a. */
void block_fetch_source_init(struct block_fetch_source *s, const char *path, const struct attrs *a);
/* All that came of the content together was not what the bucket has, and somebody may have seen it:
 * said once. None of it is kept. */
bool block_fetch_was_bad(struct mnt *m, const struct block_fetch_source *s);

/* Sees to it that the blocks of [from, to) are there or on their way, n_unit bytes with one GET.
 * ret_first (NULL: nobody waits): the first of them, referenced. 0; 1: that was on the disk;
 * -ENOBUFS: there was no room for all; -ENOMEM. An object that comes with one GET
 * (BLOCK_FETCH_WHOLE) is given to readers when its checksum agreed; of a larger one the last bytes
 * are: who waits for them hears -EBADMSG when all of it together is wrong.
 * ret_own (NULL: none): the first GET, when it brings ret_first, is not sent but left to the
 * caller, who must block_fetch_go(). */
int block_fetch_range(struct mnt *m, const struct block_fetch_source *s, uint64_t from, uint64_t to,
                      uint64_t n_unit, struct block_cache_block **ret_first,
                      struct block_fetch **ret_own);
/* Makes it, on this thread: who waits for its blocks then finds them, or has to wait on. */
void block_fetch_go(struct block_fetch *f);
/* Something else for a thread of the pool, waited for as a GET is: it says when it has ended, and
 * minds m->stopping. Negative: it will not run. */
int block_fetch_aside(struct mnt *m, struct fetch_pool_task *t);
void block_fetch_aside_ended(struct mnt *m);
/* Waits until no GET is under way any more. */
void block_fetch_drain(struct mnt *m);
int block_fetch_init(struct mnt *m);
void block_fetch_done(struct mnt *m);
