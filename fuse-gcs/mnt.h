/* mnt: one mount: its settings, what it knows, and who does the work.
 *
 * Threads: FUSE workers run the operations and wait for the bucket; the network loop has a thread
 * of its own, on which only remote's done() and sink() run. Locks, in this order: an inode's `lock`
 * (its content), then `tree` (names, attributes, the stat cache), then the block cache's. `tree` is
 * never held over a call to the bucket. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "fuse-gcs/overlay.h"
#include "fuse-gcs/remote.h"
#include "fuse-gcs/stat_cache.h"
#include "lib/base/entropy.h"

struct block_cache;
struct buckets;
struct cache_filter;
struct dir;
struct disk_cache;
struct fill;
struct fill_plan;
struct fetcher;
struct fuse_session;
struct handle;
struct inode;
struct lineage;

struct mnt_settings {
        const char *bucket;      /* its name; NULL: of many, or in tests */
        struct lineage *lineage; /* NULL: nobody is told who reads what */
        struct mnt *over; /* the root that shows this bucket; NULL: this is the whole mount */
        uint64_t salt;    /* tells equal names of different buckets apart; 0: one bucket */
        const char *root; /* "" or "only/this/" */
        uid_t uid;
        gid_t gid;
        mode_t file_mode, dir_mode;
        bool implicit_dirs;
        bool read_only;
        bool strong_open;     /* asks for the object at every open */
        bool is_hierarchical; /* the bucket has folders */
        bool atomic_rename;   /* moveTo may be used */
        bool prefetch_metadata;
        bool by_json; /* reads by the JSON API */
        bool standard_symlinks;
        bool direct_io;
        bool always_plus;  /* directories are read with attributes, wanted or not */
        bool never_plus;   /* or without */
        bool asks_names;   /* the kernel keeps no name, and asks each time */
        bool create_empty; /* a new file is in the bucket at once */
        bool streams;      /* files are sent while they are written */
        usec_t ttl_for, negative_for;
        usec_t list_cache_for; /* the kernel may keep a directory's list so long */
        _Atomic(usec_t) metadata_budget_for, commit_budget_for; /* shorter at the mount's end */
        size_t block_size;                                      /* of an upload's pieces */
        size_t n_upload_blocks_max;                             /* of all files */
        unsigned n_uploads_at_once;                             /* of one large file; 0 or 1: one */
        bool uploads_asked_for;      /* so many, not only where one is too slow */
        uint64_t n_least_in_uploads; /* and the file not smaller than this */
        const char *temp_dir;
        uint64_t temp_bytes_max; /* of all staged files */
        uint64_t rename_limit;   /* objects in a directory that is renamed */
        size_t read_bytes_max;   /* the block cache */
        size_t stat_bytes_max;
        size_t read_ahead_max;                  /* of one handle */
        unsigned max_read;                      /* bytes the kernel asks for at once */
        const struct cache_filter *disk_filter; /* what the disk cache keeps; NULL: all */
        const struct fill_plan *fill;           /* what a read brings there; NULL: what it reads */
};

struct mnt {
        struct mnt_settings o;
        struct buckets *buckets; /* not NULL: a root over many buckets, with nothing of its own */
        struct remote *remote;
        struct entropy *entropy;
        pthread_mutex_t tree;
        struct stat_cache *stats;
        struct inode **inodes; /* by path */
        size_t n_inode_slots, n_inodes;
        struct inode **strangers; /* by their number (inode_number.h) */
        size_t n_stranger_slots, n_strangers;
        size_t forget_at, forget_slot; /* the forgetter's: with how many it looks next, and where */
        struct inode *root;
        uint64_t last_small_dir; /* of the small file opened last */
        struct inode *unlinked;  /* in no table: those that are still looked up or open */
        struct inode *locals;    /* files that are not in the bucket yet */
        struct handle *handles;  /* that are open: at an unmount the kernel does not close all */
        struct dir *dirs;
        struct block_cache *blocks;
        struct disk_cache *disk; /* NULL: none */
        struct fill *fill;
        struct fetcher *fetcher;
        struct fuse_session *session; /* NULL in tests: nobody to tell */
        struct timespec began;
        atomic_bool stopping;
        atomic_bool no_move;        /* the service knows no moveTo */
        atomic_bool sure_delete;    /* compose deletes its sources itself */
        atomic_bool no_temporaries; /* the bucket does not let go what was put there */
        atomic_uint_least64_t upload_bytes_per_s; /* what one upload brought lately; 0: not known */
        atomic_size_t n_overlay_bytes;
        atomic_uint_least64_t n_temp_bytes;
        struct overlay_limits overlay_limits;
        struct {
                pthread_mutex_t lock; /* the innermost */
                pthread_cond_t ended;
                size_t n; /* under way */
        } sweeps;
};

/* root and temp_dir of o live on. 0 or negative. */
int mnt_init(struct mnt *m, const struct mnt_settings *o, struct remote *r);
void mnt_done(struct mnt *m);
/* What TTLs are counted by: goes on during suspend. */
usec_t mnt_now(void);
/* The same moment for a wait that CLOCK_MONOTONIC ends; one that is far away is a year from now. */
struct timespec mnt_deadline(usec_t at);
struct timespec mnt_time(void);
/* The errno for the kernel: what the bucket's words mean to a caller of a file system. */
int mnt_errno(int error);
/* One upload brought n bytes in that time: what those to come are expected to bring. */
void mnt_note_upload(struct mnt *m, uint64_t n, usec_t took_for);
/* The number stat(2) shows for a path; never 0 or 1. */
uint64_t mnt_ino(const struct mnt *m, const char *path);
/* A name for something of ours: root + below + 16 hex digits; on the heap. */
char *mnt_temp_name(struct mnt *m, const char *below) _must_check_;
