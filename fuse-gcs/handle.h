/* handle: an open file. */
#pragma once

#include "fuse-gcs/block_fetch.h"
#include "fuse-gcs/inode.h"
#include "fuse-gcs/prefetch.h"
#include "fuse-gcs/read_meter.h"

struct handle {
        struct inode *inode;
        uint64_t number; /* in the log; no other one's, ever */
        bool may_write, appends;
        unsigned n_bad; /* the inode's when it was opened: reads fail when it is another one */
        atomic_bool is_filled;         /* its reads bring no more onto the disk */
        atomic_uint_least64_t read_to; /* the last read's end */
        pthread_mutex_t lock;          /* of the next two */
        struct prefetch prefetch;
        struct read_meter_pattern pattern; /* under `lock`, too */
        uint64_t n_reads_seen;             /* prefetch.n_reads when resting looked last */
        struct handle *next, **prev;       /* of the mount's */
};

/* Of what the kernel calls its handle. */
static inline uint64_t handle_number(uint64_t fh) {
        return ((const struct handle *) (uintptr_t) fh)->number;
}

/* Counts in the inode's n_open. Under `tree`. */
struct handle *handle_new(struct mnt *m, struct inode *i, bool may_write,
                          bool appends) _must_check_;
/* Under `tree`; frees the inode with the last of all. */
void handle_free(struct mnt *m, struct handle *h);
/* Those that nobody closed: at the mount's end. */
void handle_free_all(struct mnt *m);
