/* inode: what the kernel has a number for. One for each path it looked up and has not forgotten.
 *
 * `attrs` and `until_at`, names and counts are under the mount's tree lock; what is being written
 * is under the inode's own. An unlinked inode is in no table; its path then is where its content
 * was put for those who have it open, or nothing. */
#pragma once

#include "fuse-gcs/mnt.h"

struct writer;

struct inode {
        struct mnt *mnt;
        uint64_t st_ino; /* inode_number.h */
        char *path;
        bool is_dir, is_symlink;
        bool is_unlinked; /* in no directory any more */
        bool is_parked;   /* unlinked, its object is at `path` until the last close */
        bool is_local;    /* in the locals: the bucket has nothing of this name yet */
        bool is_lost;     /* was, and never came there: nobody opens it any more */
        uint64_t n_lookup;
        unsigned n_open, n_open_write;
        struct attrs *attrs;       /* NULL: a directory */
        struct timespec dir_mtime; /* of a directory: when it was first seen, or changed here */
        usec_t until_at;
        uint64_t kernel_has; /* the content (names_content) in the page cache, 0: none */
        usec_t listed_at;    /* a directory's list went to the kernel, to be kept; 0: never */
        struct inode *next_in_slot, *next_stranger;
        bool is_stranger; /* its number is not its path's */
        struct inode *next_local, **prev_local;

        pthread_mutex_t lock;
        struct writer *writer; /* NULL: nothing to be written */
        /* For who has no `lock`: is there a writer with changes, and what it would say. */
        atomic_bool is_dirty;
        atomic_uint by_try; /* who opened it to write last (lineage_who()) */
        uint64_t dirty_size;
        struct timespec dirty_mtime;
        /* How often what was read turned out to be wrong: who had it open then may have seen it. */
        atomic_uint n_bad;
};

/* All: under `tree`. */
/* NULL when the kernel has none of the path (a directory's ends with "/"). */
struct inode *inode_find(struct mnt *m, const char *path);
/* Finds or makes it, one more lookup. attrs may be NULL. */
int inode_get(struct mnt *m, const char *path, struct attrs *attrs, usec_t until_at,
              struct inode **ret);
/* Newly heard attributes; what is being written stays, and so does a later generation that was not
 * heard of before it (until_at: asked for at + TTL). True when the content is another one. */
bool inode_set_attrs(struct inode *i, struct attrs *attrs, usec_t until_at);
/* n lookups less; freed at zero when nobody has it open. */
void inode_forget(struct mnt *m, struct inode *i, uint64_t n);
/* Under a new name; its descendants too when it is a directory. */
int inode_rename(struct mnt *m, struct inode *i, const char *path);
/* In no directory any more. path: where its object is now, taken over; NULL: nowhere. */
void inode_unlink(struct mnt *m, struct inode *i, char *path);
void inode_set_local(struct mnt *m, struct inode *i, bool is_local);

/* What stat(2) says. */
void inode_stat(const struct mnt *m, const struct inode *i, struct stat *ret);
int inode_table_init(struct mnt *m);
void inode_table_done(struct mnt *m);
