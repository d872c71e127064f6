/* reader: reads of open files: from the block cache, from what is being written, or both. */
#pragma once

#include <sys/uio.h>

#include "fuse-gcs/block_cache.h"
#include "fuse-gcs/handle.h"

#define READER_PIECES 12 /* blocks one read may touch */

/* What a read found: pieces of blocks, held until reader_reply_done(), or bytes of its own. */
struct reader_reply {
        struct mnt *m;
        struct iovec iov[READER_PIECES];
        struct block_cache_block *blocks[READER_PIECES];
        int n;
        size_t n_bytes;
        bool passes;  /* a stream goes by: its blocks are done with */
        bool is_lone; /* the read goes on with nothing */
        bool is_miss; /* the bucket was waited for */
        char *own;
};
void reader_reply_done(struct reader_reply *r);
#define _cleanup_reply_ _cleanup_(reader_reply_done)

/* At most size bytes from offset; fewer only at the end. 0, -ESTALE: the object is gone; -EIO. */
int reader_read(struct mnt *m, struct handle *h, uint64_t offset, size_t size,
                struct reader_reply *ret);
/* The same of the inode's object as it is in the bucket, copied; under no lock.
 * Returns how many bytes. Bytes between its end and size are none. */
ssize_t reader_copy(struct mnt *m, const struct block_fetch_source *s, struct prefetch *p,
                    uint64_t offset, char *data, size_t size);
