#include "fuse-gcs/stale_mount.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include "lib/base/log.h"
#include "lib/base/macros.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define STALE_MOUNT_LAYERS 16 /* mounts one upon another, each of a process that was killed */

/* The kernel answers so for a FUSE mount whose device nobody holds any more. Not stat(): it may
 * still know the answer that the dead process gave. */
static bool stale_mount_is(const char *path) {
        struct statfs fs;

        return statfs(path, &fs) < 0 && errno == ENOTCONN;
}

/* The directory's own name need not be asked for: it is what cannot be looked at. */
static int stale_mount_full(const char *path, char ret[PATH_MAX]) {
        _cleanup_free_ char *parent = mem_strdup(path);
        char full[PATH_MAX];
        const char *name;
        size_t n = parent ? strlen(parent) : 0;
        char *slash;

        if (!parent)
                return -ENOMEM;
        while (n > 1 && parent[n - 1] == '/')
                parent[--n] = 0;
        slash = strrchr(parent, '/');
        name = slash ? slash + 1 : parent;
        if (str_empty(name) || str_eq(name, ".") || str_eq(name, ".."))
                return -ENOTCONN;
        if (slash)
                *slash = 0;
        if (!realpath(!slash ? "." : slash == parent ? "/" : parent, full))
                return -errno;
        if (strlen(full) + strlen(name) + 2 > PATH_MAX)
                return -ENAMETOOLONG;
        strcpy(ret, str_eq(full, "/") ? "" : full);
        strcat(ret, "/");
        strcat(ret, name);
        return 0;
}

int stale_mount_clear(const char *path, struct errmsg *em) {
        char full[PATH_MAX];
        int r;

        if (!stale_mount_is(path))
                return 0;
        r = stale_mount_full(path, full);
        for (int n = 0; r >= 0 && stale_mount_is(full); n++) {
                if (n == STALE_MOUNT_LAYERS)
                        r = -EBUSY;
                else if (umount2(full, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
                        r = -errno;
                else
                        log_notice("%s: a mount that nobody served any more is taken away", full);
        }
        if (r < 0)
                return errmsg_errno(em, r,
                                    "mount point %s: a mount whose process is gone is still on it; "
                                    "fusermount3 -u %s takes it away",
                                    path, path);
        return 0;
}
