/* disk_cache: blocks on a disk that outlive the mount, and the machine's night.
 *
 * A content has one file, named after it: a header, for each block the checksum of its bytes, then
 * the blocks at their places. Nothing is synced: a block whose bytes do not agree with its checksum
 * is not there, so a power cut costs blocks and never gives wrong ones. A content is one generation
 * of one object of one bucket: what changed is under another name, and the old file ages away.
 *
 * Bounded by bytes: the least recently opened files go first, what is pinned (its file's mode says
 * so) never. Threads: any; stores are queued to a
 * thread of its own and may be dropped when it does not follow. */
#pragma once

#include <sys/types.h>

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct disk_cache;

struct disk_cache_stats {
        uint64_t n_bytes, n_files, n_hits, n_bad, n_dropped, n_pinned;
};

/* dir: made when missing; of this bucket alone. -errno with em set. */
int disk_cache_new(const char *dir, uint64_t n_bytes_max, struct disk_cache **ret,
                   struct errmsg *em);
/* Writes what is queued, keeps the files. */
struct disk_cache *disk_cache_free(struct disk_cache *c);

bool disk_cache_has(struct disk_cache *c, uint64_t content, uint64_t size, uint64_t index);
/* n bytes of the block. -ENOENT: not there, or not what was stored. */
int disk_cache_load(struct disk_cache *c, uint64_t content, uint64_t size, uint64_t index,
                    char *data, uint32_t n);
/* Copies the data and returns; it is on the disk some time later, or not. */
void disk_cache_store(struct disk_cache *c, uint64_t content, uint64_t size, uint64_t index,
                      const char *data, uint32_t n);
/* Also what is pinned. */
void disk_cache_drop(struct disk_cache *c, uint64_t content);
/* A pinned content stays until it is unpinned or dropped, over restarts. -ENOSPC: all that is
 * pinned would be more than the cache may hold; -ENOENT: nothing to be unpinned. */
int disk_cache_pin(struct disk_cache *c, uint64_t content, uint64_t size, bool pinned);
/* Waits until the queue is empty. */
void disk_cache_sync(struct disk_cache *c);
void disk_cache_stats_get(struct disk_cache *c, struct disk_cache_stats *ret);
