/* commit_compose: the ways of a commit that take several calls: streams, appends, times. Under the
 * inode's lock. */
#pragma once

#include "fuse-gcs/writer.h"

/* Sends what is here, up to byte `end` of the file, behind what the writer's upload has, and ends
 * the upload. */
int commit_compose_rest(struct mnt *m, struct inode *i, uint64_t end, struct remote_answer *ret);
/* The tail as an object, then [object, tail] as the object. */
int commit_compose_append(struct mnt *m, struct inode *i, const char *path, struct attrs **ret);
/* What the writer's parts hold and the rest behind it, as the object. */
int commit_compose_parts(struct mnt *m, struct inode *i, const char *path, struct attrs **ret);

struct commit_compose_source {
        const char *name;
        int64_t generation;
};
/* resource: the object's that is made of the n. */
int commit_compose_body(struct buf *out, const char *resource,
                        const struct commit_compose_source *sources, size_t n, bool deletes);
int commit_compose_call(struct mnt *m, const char *path, int64_t if_generation, const char *body,
                        struct attrs **ret);
int commit_compose_patch(struct mnt *m, const char *path, int64_t generation, struct timespec mtime,
                         struct attrs **ret);

/* Of commit.c. */
/* start: what it begins with, where that is at hand (NULL: it is not). */
const char *commit_content_type(const struct attrs *base, const char *path,
                                const struct iovec *start);
int commit_resource(struct buf *out, const struct attrs *base, const char *path,
                    const struct iovec *start, struct timespec mtime, const uint32_t *crc32c);
int commit_parse(const struct remote_answer *answer, struct attrs **ret);
int commit_check(const char *path, const struct attrs *a, uint64_t size, uint32_t crc32c);
int commit_recognise(struct mnt *m, const char *path, uint64_t size, uint32_t crc32c,
                     const struct attrs *base, struct attrs **ret);
