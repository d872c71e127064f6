/* forgetter_ask: the kernel's side of the forgetter: how a FUSE mount's names are let go. */
#pragma once

#include <sys/types.h>

#include "fuse-gcs/forgetter.h"

struct forgetter_ask {
        struct forgetter_kernel kernel;
        struct fuse_session *session;
        const char *mountpoint;
        dev_t dev; /* what is mounted there; 0: not known */
};
/* Of a session that is mounted; all of it lives on. */
void forgetter_ask_init(struct forgetter_ask *a, struct fuse_session *s, const char *mountpoint);
/* The message that names inodes to be let go, on a FUSE device. 0; -EINVAL: the kernel is too old.
 */
int forgetter_ask_prune(int fd, const uint64_t *inos, size_t n);
/* Lets go of all that is not in use in the file system `dev` on `path`, by a reconfiguration that
 * changes nothing. -ESTALE: another one is there now; -EPERM: not for us. */
int forgetter_ask_shrink(const char *path, dev_t dev);
