/* disk_cache: blocks on a disk that outlive the mount, and the machine's night.
 *
 * An object has one place (disk_files), with what was read of its newest generation. A block whose
 * bytes do not agree with their checksum is not there, so a power cut costs blocks and never gives
 * wrong ones.
 *
 * Bounded by bytes: the least recently opened files go first, what is pinned never; an object that
 * is larger than all of it is not kept, unless parts are. Somebody may take the directories away
 * at any time. Threads: any; stores go through a disk_queue, and may be dropped when it does not
 * follow. */
#pragma once

#include <sys/types.h>

#include "fuse-gcs/disk_files.h"
#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct disk_cache;

struct disk_cache_stats {
        uint64_t n_bytes, n_files, n_hits, n_bad, n_dropped, n_pinned;
};

struct disk_cache_options {
        const char *root, *bucket; /* directories are made when missing */
        const char *old_dir;       /* of a form that is not read any more: goes; NULL: none */
        uint64_t n_bytes_max;
        bool keeps_parts;  /* of objects larger than that */
        bool wants_claims; /* only what was claimed, or is pinned, is kept */
};

/* -errno with em set. */
int disk_cache_new(const struct disk_cache_options *o, struct disk_cache **ret, struct errmsg *em);
/* Writes what is queued, keeps the files. */
struct disk_cache *disk_cache_free(struct disk_cache *c);

bool disk_cache_has(struct disk_cache *c, const struct disk_files_key *k, uint64_t index);
/* Has it the block, or will it have it once the queue is written? */
bool disk_cache_takes(struct disk_cache *c, const struct disk_files_key *k, uint64_t index);
/* n bytes of the block. -ENOENT: not there, or not what was stored. */
int disk_cache_load(struct disk_cache *c, const struct disk_files_key *k, uint64_t index,
                    char *data, uint32_t n);
/* Room for all of the object, before any of it is there: others go for it at once. 0, also where
 * nobody wants claims; -ENOSPC: it cannot have it. */
int disk_cache_claim(struct disk_cache *c, const struct disk_files_key *k);
/* Is nothing of it kept, as it was not claimed or has gone since? */
bool disk_cache_is_refused(struct disk_cache *c, const struct disk_files_key *k);
/* Copies the data and returns; it is on the disk some time later, or not. */
void disk_cache_store(struct disk_cache *c, const struct disk_files_key *k, uint64_t index,
                      const char *data, uint32_t n);
/* Returns once it is on the disk, or once it is clear that it has no room there: false. */
bool disk_cache_put_block(struct disk_cache *c, const struct disk_files_key *k, uint64_t index,
                          const char *data, uint32_t n);
/* All there is of the object, also what is pinned. */
void disk_cache_drop(struct disk_cache *c, const char *path);
/* A pinned object stays until it is unpinned or dropped, over restarts; a newer generation of it is
 * pinned as well, as long as there is room. -ENOSPC: all that is pinned would be more than the
 * cache may hold; -ENOENT: nothing to be unpinned. */
int disk_cache_pin(struct disk_cache *c, const struct disk_files_key *k, bool pinned);
/* Waits until the queue is empty. */
void disk_cache_sync(struct disk_cache *c);
void disk_cache_stats_get(struct disk_cache *c, struct disk_cache_stats *ret);
