#include "fuse-gcs/forgetter_ask.h"

#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include "lib/base/fault.h"
#include "lib/base/fileio.h"

#define FORGETTER_ASK_PRUNE 9 /* FUSE_NOTIFY_PRUNE, since 6.18 (7.45) */

/* As in linux/fuse.h, which is older on the machines we build on. */
struct forgetter_ask_header {
        uint32_t len;
        int32_t code;
        uint64_t unique; /* 0: a notification */
        uint32_t count;
        uint32_t padding;
        uint64_t spare;
};

int forgetter_ask_prune(int fd, const uint64_t *inos, size_t n) {
        struct forgetter_ask_header h = {
                .len = (uint32_t) (sizeof(h) + n * sizeof(*inos)),
                .code = FORGETTER_ASK_PRUNE,
                .count = (uint32_t) n,
        };
        struct iovec iov[] = {{&h, sizeof(h)}, {(void *) inos, n * sizeof(*inos)}};
        int r = fault_at(FAULT_PRUNE);

        if (r < 0)
                return r;
        return writev(fd, iov, 2) < 0 ? -errno : 0;
}

/* Without a request to ourselves. */
static dev_t forgetter_ask_dev(const char *path) {
        struct statx st;

        if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
                return 0;
        return makedev(st.stx_dev_major, st.stx_dev_minor);
}

int forgetter_ask_shrink(const char *path, dev_t dev) {
        int fd, r = 0;

        if (dev == 0 || forgetter_ask_dev(path) != dev)
                return -ESTALE;
        fd = fspick(AT_FDCWD, path, FSPICK_CLOEXEC | FSPICK_NO_AUTOMOUNT);
        if (fd < 0)
                return -errno;
        if (fsconfig(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
                r = -errno;
        fileio_close(fd);
        return r;
}

static int forgetter_ask_on_prune(void *ctx, const uint64_t *inos, size_t n) {
        const struct forgetter_ask *a = ctx;

        return forgetter_ask_prune(fuse_session_fd(a->session), inos, n);
}

static int forgetter_ask_on_drop(void *ctx, uint64_t parent, const char *name) {
        const struct forgetter_ask *a = ctx;

        return fuse_lowlevel_notify_inval_entry(a->session, parent, name, strlen(name));
}

static int forgetter_ask_on_shrink(void *ctx) {
        const struct forgetter_ask *a = ctx;

        return forgetter_ask_shrink(a->mountpoint, a->dev);
}

void forgetter_ask_init(struct forgetter_ask *a, struct fuse_session *s, const char *mountpoint) {
        *a = (struct forgetter_ask){
                .kernel = {.prune = forgetter_ask_on_prune,
                           .drop = forgetter_ask_on_drop,
                           .shrink = forgetter_ask_on_shrink,
                           .ctx = a},
                .session = s,
                .mountpoint = mountpoint,
                .dev = forgetter_ask_dev(mountpoint),
        };
}
