/* commit: brings an inode's changes into the bucket, all or nothing, guarded by the generation they
 * began with. */
#pragma once

#include "fuse-gcs/inode.h"

/* Under the inode's lock. 0: it is in the bucket and its checksum agreed (or there was nothing to
 * do); -ESTALE: somebody else wrote it; other errors: it is not there, the changes are kept. */
int commit_inode(struct mnt *m, struct inode *i);
/* A small object in one request; attrs are the answer's. if_generation as in gcs_request. mtime
 * (may be NULL): what json says of it, to the nanosecond: when something is there already, and
 * bears it, that was a try of ours whose answer was lost (curl, too, tries again without saying
 * so). */
int commit_insert(struct mnt *m, const char *path, int64_t if_generation, const char *json,
                  const char *content_type, const struct timespec *mtime, const struct iovec *data,
                  size_t n_data, struct attrs **ret);
/* Only the time of a clean inode. */
int commit_compose_mtime(struct mnt *m, struct inode *i, struct timespec mtime);
/* Begins an upload of the whole object or of an append's tail for w. */
int commit_compose_begin(struct mnt *m, struct inode *i, bool tail);
