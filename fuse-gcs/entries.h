/* entries: what changes directories: making and removing names. Blocking, under no lock. */
#pragma once

#include "fuse-gcs/inode.h"
#include "fuse-gcs/lookup.h"

/* dir: its path. 0; -EEXIST; other errors. */
int entries_mkdir(struct mnt *m, const char *dir, const char *name, char **ret_path);
int entries_rmdir(struct mnt *m, const char *dir, const char *name);
int entries_unlink(struct mnt *m, const char *dir, const char *name);
int entries_symlink(struct mnt *m, const char *dir, const char *name, const char *target,
                    char **ret_path, struct attrs **ret);
/* A file that is nowhere but here until its first commit. Makes the inode with one lookup. */
int entries_create(struct mnt *m, const char *dir, const char *name, struct inode **ret);
int entries_readlink(struct mnt *m, struct inode *i, char **ret);
/* The last close of an unlinked inode. */
void entries_unpark(struct mnt *m, struct inode *i);
/* Of all that are open still: nobody will read them any more. */
void entries_unpark_all(struct mnt *m);

/* DELETE of an object; -ENOENT is fine when it may have been us. generation: GCS_ANY or the one. */
int entries_delete(struct mnt *m, const char *path, int64_t if_generation);
/* Is anything in the directory, there or only here? 0, and what is there of it besides; -ENOTEMPTY;
 * -errno. */
int entries_must_be_empty(struct mnt *m, const char *path, struct lookup_children *ret);
/* DELETE of an empty folder of a hierarchical bucket. */
int entries_delete_folder(struct mnt *m, const char *path);
/* Moves or copies and deletes; keep: copies only. source: what is moved, NULL: whatever is there.
 * ret may be NULL. */
int entries_move(struct mnt *m, const char *from, const char *to, const struct attrs *source,
                 int64_t if_generation, bool keep, struct attrs **ret);
/* The inode of path, if it is open, gets its content put aside before `path` is deleted (keep
 * false) or written over. 1: it was, and the object is no longer at path (unless keep). */
int entries_park(struct mnt *m, const char *path, bool keep);
/* The kernel's inode, referenced as if looked up; NULL: none. inode_forget(…, 1) it. */
struct inode *entries_inode(struct mnt *m, const char *path);
