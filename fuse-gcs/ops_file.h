/* ops_file, ops_name, ops_dir: the rows of ops.c, by what they are about. */
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

#include "fuse-gcs/inode.h"

/* Shared by the rows. */
/* Whose the inode is: the mount's, or one bucket's of many. */
struct mnt *ops_file_mnt(fuse_req_t req, fuse_ino_t ino);
/* May names in directories of m change? 0; -EROFS; -EPERM: buckets are made and deleted elsewhere.
 */
int ops_file_may_change(const struct mnt *m);
struct inode *ops_file_inode(struct mnt *m, fuse_ino_t ino);
fuse_ino_t ops_file_ino(const struct mnt *m, const struct inode *i);
/* Answers an error of ours. */
void ops_file_error(fuse_req_t req, int error);
/* An entry for the kernel: attributes and how long they hold; a directory's until dir_until_at.
 * Under `tree`. */
void ops_file_entry(struct mnt *m, struct inode *i, usec_t dir_until_at,
                    struct fuse_entry_param *ret);
double ops_file_timeout(const struct mnt *m, usec_t until_at);
/* How long the kernel may believe a name, or that there is none. */
double ops_file_name_timeout(const struct mnt *m, usec_t until_at);
/* The inode's path, on the heap. */
char *ops_file_path(struct mnt *m, struct inode *i);
/* A name in the directory was made or removed here. */
void ops_file_dir_changed(struct mnt *m, fuse_ino_t dir);

void ops_file_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_file_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
                      struct fuse_file_info *fi);
void ops_file_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_file_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                     struct fuse_file_info *fi);
void ops_file_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev);
void ops_file_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                   struct fuse_file_info *fi);
void ops_file_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
                    struct fuse_file_info *fi);
void ops_file_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_file_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void ops_file_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

void ops_name_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void ops_name_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n);
void ops_name_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *data);
void ops_name_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void ops_name_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void ops_name_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void ops_name_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void ops_name_readlink(fuse_req_t req, fuse_ino_t ino);
void ops_name_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
                     const char *to_name, unsigned flags);

void ops_dir_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_dir_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                     struct fuse_file_info *fi);
void ops_dir_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                         struct fuse_file_info *fi);
void ops_dir_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_dir_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
