/* fill: objects that are brought onto the disk because some of them was read: whole, in the
 * background and one after the other, or in chunks, each before a read of it is answered. Nobody
 * hears of it when that does not work: a read goes to the bucket then. Threads: any. */
#pragma once

#include "fuse-gcs/block_fetch.h"
#include "fuse-gcs/mnt.h"

struct fill_plan {
        bool at_start, anywhere; /* a read there brings all of it */
        bool waits;              /* who reads on where that is at just now waits for it */
        uint64_t chunk_bytes;    /* or the chunks it touches; 0: none */
        uint64_t line_bytes;     /* the log has a line for each so many */
};

int fill_init(struct mnt *m);
/* Nothing is under way any more: after block_fetch_drain(). */
void fill_done(struct mnt *m);

/* Somebody read at offset. Copies s; *h_done: nothing is to be done for this handle again. */
void fill_after(struct mnt *m, const struct block_fetch_source *s, uint64_t offset,
                atomic_bool *h_done);
/* Where a line of the object is under way that has the offset in it: until that is there, or will
 * not be. */
void fill_wait(struct mnt *m, uint64_t content, uint64_t offset);
/* Sees to the chunks of [from, to). 0, or they are not there. Blocking. */
int fill_chunks(struct mnt *m, const struct block_fetch_source *s, uint64_t from, uint64_t to);
/* One block onto the disk, waited for; what the queue had no room for is asked for again. data:
 * room for one. -ENOSPC: the cache does not take it. */
int fill_block(struct mnt *m, const struct block_fetch_source *s, uint64_t index, char *data);
