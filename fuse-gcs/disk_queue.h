/* disk_queue: blocks on their way to a disk: copied in, and written one after the other by a thread
 * of the queue's own. Bounded: what finds it full is dropped, or waits. Its lock is the innermost,
 * and is not held while something is written. Threads: any. */
#pragma once

#include "fuse-gcs/disk_files.h"

struct disk_queue;

struct disk_queue_job {
        struct disk_files_key key;
        uint64_t index;
        uint32_t n; /* bytes; 0: it was dropped */
        char *data; /* with the key's path behind it */
};

struct disk_queue_options {
        void (*begin)(void *ctx); /* on the thread, before the first one is written */
        void (*write)(void *ctx, const struct disk_queue_job *j);
        void *ctx;
};

/* 0 or negative. */
int disk_queue_new(const struct disk_queue_options *o, struct disk_queue **ret);
/* Writes what is in it. */
struct disk_queue *disk_queue_free(struct disk_queue *q);
/* Copies the data. */
void disk_queue_add(struct disk_queue *q, const struct disk_files_key *k, uint64_t index,
                    const char *data, uint32_t n);
/* The same, but waits for room, and until it was written. */
void disk_queue_put(struct disk_queue *q, const struct disk_files_key *k, uint64_t index,
                    const char *data, uint32_t n);
/* Those of the object are not to be written any more, nor the one under way if it is one. */
void disk_queue_drop(struct disk_queue *q, const char *path);
/* Is the block in it, or being written, and was not dropped? */
bool disk_queue_has(struct disk_queue *q, const struct disk_files_key *k, uint64_t index);
/* Was what is under way dropped? For write(). */
bool disk_queue_is_void(struct disk_queue *q);
/* Waits until begin() is over, and all that is in the queue now. */
void disk_queue_sync(struct disk_queue *q);
/* True from disk_queue_free() on: for a begin() that takes long. */
const atomic_bool *disk_queue_stops(const struct disk_queue *q);
uint64_t disk_queue_n_dropped(struct disk_queue *q);
