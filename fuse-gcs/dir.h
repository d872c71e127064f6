/* dir: an open directory: the bucket's list of it, a page at a time.
 *
 * Files that are only here come first, then the pages, objects and prefixes in one order. Two pages
 * are kept, so that the kernel may ask again for what its buffer could not hold; whoever goes back
 * further gets a new listing. */
#pragma once

#include "fuse-gcs/inode.h"

struct dir;

struct dir_entry {
        char *name; /* as shown */
        char *path;
        struct attrs *attrs; /* NULL: a directory */
        usec_t asked_at;     /* when its page was asked for: what was done since is newer */
};

int dir_open(struct mnt *m, struct inode *i, struct dir **ret);
/* The entry at `offset` (0 is the first behind "." and ".."): borrowed until the next call.
 * 1; 0: that was all; negative. */
int dir_entry(struct dir *d, uint64_t offset, const struct dir_entry **ret);
struct dir *dir_free(struct dir *d);
/* Those that nobody closed: at the mount's end. */
void dir_free_all(struct mnt *m);
/* For readers on several threads. */
void dir_lock(struct dir *d);
void dir_unlock(struct dir *d);
struct inode *dir_inode(const struct dir *d);
