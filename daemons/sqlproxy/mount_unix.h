/* mount_unix: a listening Unix socket of one instance, where its engine's clients look for it. */
#pragma once

#include "daemons/sqlproxy/dataplane.h"

/* path: the socket's own, or (is_dir) the directory with one for each instance. PostgreSQL wants a
 * directory with its socket in it, which is made. The parent must exist. */
struct mount_unix_place {
        const char *path;
        const char *name; /* the instance's, when path is a directory; else NULL */
        bool is_pg;
};
/* A stale socket (nobody listens) is replaced. Fills fd, address and unix_path. */
int mount_unix_open(struct mount *m, const struct mount_unix_place *p, struct errmsg *em);
