/* inode_number: the number stat(2) shows of a file. It is its path's, so that it is the same after
 * a remount; a file that was renamed or unlinked keeps its own for as long as somebody knows it,
 * and what comes to its old path meanwhile has another: programs take two files of one number for
 * the same one. All: under `tree`. */
#pragma once

#include "fuse-gcs/inode.h"

int inode_number_init(struct mnt *m);
void inode_number_done(struct mnt *m);
/* What stat would say of whatever is at the path. */
uint64_t inode_number_of(struct mnt *m, const char *path);
/* Of a new inode that has its path. */
void inode_number_choose(struct mnt *m, struct inode *i);
/* The inode's path is another one now, or it is in no directory any more. */
void inode_number_moved(struct mnt *m, struct inode *i);
/* The inode goes. */
void inode_number_forget(struct mnt *m, struct inode *i);
