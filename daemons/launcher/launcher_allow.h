/* launcher_allow.h: whether the launcher's configuration lets a task have a directory, a secret or
 * a device. Whoever may write pipelines must not gain root's files by them: only what lies below a
 * listed directory, reached without a single symbolic link below it.
 *
 * An entry of a list that has no leading slash is meant below the state directory; ":ro" at the end
 * of one of `mounts` allows reading only. Threads: any; blocking, but small. */
#pragma once

#include <sys/types.h>

#include "daemons/launcher/launcher_carry.h"

struct launcher_allow {
        char *const *mounts;  /* directories that may be mounted, and all below them */
        char *const *secrets; /* directories whose files may be loaded as secrets */
        char *const *devices; /* patterns as the shell's */
        const char *state_dir;
        const char *runtime_dir;
        bool own; /* tasks are the launcher's own user, who gains nothing: any file will do */
};

/* What a bind leads to now; the shim compares it with what it finds mounted. */
struct launcher_allow_found {
        dev_t dev;
        ino_t ino;
        char path[LAUNCHER_CARRY_PATH_MAX + 1]; /* without links */
};

/* -EPERM with thing, reason and remedy in *em, -ENOENT likewise; other -errno with *em. */
int launcher_allow_bind(const struct launcher_allow *allow, const struct launcher_carry_bind *bind,
                        struct launcher_allow_found *ret, struct errmsg *em);
/* Opens the secret's file for reading; the fd is the caller's. */
int launcher_allow_secret(const struct launcher_allow *allow,
                          const struct launcher_carry_secret *secret, int *ret_fd,
                          struct errmsg *em);
/* Without mounts: is what the bind wants at its path there already, a link for example? */
int launcher_allow_in_place(const struct launcher_carry_bind *bind, struct errmsg *em);
int launcher_allow_device(const struct launcher_allow *allow, const char *device,
                          struct errmsg *em);
