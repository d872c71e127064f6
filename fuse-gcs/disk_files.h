/* disk_files: the two files a content has in a disk cache.
 *
 * ROOT/BUCKET/OBJECT has the object's bytes at their places, as large as the object; what was not
 * stored is a hole. A name that cannot be a path there ("a" beside "a/b", a part of more than 255
 * bytes, "." or none) has its bytes in ROOT/.sums/BUCKET. That is also where each one's other file
 * is: whose bytes these are, and for each block the checksum of its bytes, and one of that with the
 * block's number. Nothing is synced: a block whose bytes do not agree with its checksum is not
 * there. The two belong together by the number of the first one's inode, so that another mount may
 * replace them at any time. Threads: those that open, make and remove are one at a time; blocks may
 * be loaded and stored by any. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

#define DISK_FILES_NAME 17 /* 16 hex digits of a path */

/* One generation of one object. */
struct disk_files_key {
        const char *path; /* the object's name */
        uint64_t content;
        int64_t generation;
        uint64_t size;
};

struct disk_files_dirs {
        char *data_path, *sums_path;
        int data, sums;
};

struct disk_files {
        int data, sums; /* -1: not open */
        off_t table_at;
        bool is_odd; /* its name cannot be a path */
};

/* Both are made when missing. -errno with em set. */
int disk_files_dirs_open(struct disk_files_dirs *d, const char *root, const char *bucket,
                         struct errmsg *em);
void disk_files_dirs_done(struct disk_files_dirs *d);
/* Has somebody taken away, or replaced, one of the two? */
bool disk_files_dirs_gone(const struct disk_files_dirs *d);

void disk_files_name(const char *path, char ret[DISK_FILES_NAME]);
/* -ENOENT: not there, or another content's. Marks it as used now. */
int disk_files_open(const struct disk_files_dirs *d, const struct disk_files_key *k,
                    struct disk_files *ret);
/* Both anew: what was there goes. */
int disk_files_make(const struct disk_files_dirs *d, const struct disk_files_key *k,
                    struct disk_files *ret);
void disk_files_close(struct disk_files *f);
/* And the directories that are empty then. */
void disk_files_remove(const struct disk_files_dirs *d, const char *path, bool is_odd);
int disk_files_set_pinned(const struct disk_files *f, bool pinned);

bool disk_files_has(const struct disk_files *f, uint64_t index);
/* n bytes of the block. -ENOENT: not there, or not what was stored. */
int disk_files_load(const struct disk_files *f, uint64_t index, char *data, uint32_t n);
int disk_files_store(const struct disk_files *f, uint64_t index, const char *data, uint32_t n);

struct disk_files_found {
        struct disk_files_key key;
        uint64_t n_bytes; /* on the disk */
        bool is_odd, is_pinned;
        struct timespec used_at;
};
/* Calls found() for each pair; what are none of ours or halves go. */
int disk_files_scan(const struct disk_files_dirs *d,
                    void (*found)(void *ctx, const struct disk_files_found *f), void *ctx);
/* Removes bytes that no other file tells of: of a mount that ended between the two, or of another
 * program. The lock is held for each one; ends early when *stops. */
void disk_files_sweep(const struct disk_files_dirs *d, pthread_mutex_t *lock,
                      const atomic_bool *stops);
