/* up_lock: see up_lock.h. */
#include "cli/up_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static pid_t read_pid(int fd) {
        char text[32];
        ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
        int pid;

        if (n <= 0)
                return -ENODATA;
        text[n] = 0;
        text[strcspn(text, "\n")] = 0;
        return str_to_int(text, &pid) < 0 || pid <= 0 ? -ENODATA : pid;
}

static int write_pid(int fd) {
        char text[32];
        int n = snprintf(text, sizeof(text), "%d\n", (int) getpid());

        if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t) n, 0) != n)
                return errno ? -errno : -EIO;
        return 0;
}

int up_lock_take(const struct paths *p, int *ret_fd, struct errmsg *em) {
        _cleanup_free_ char *path = paths_state(p, "up.lock");
        _cleanup_close_ int fd = -1;
        int r;

        if (!path)
                return errmsg_fail(em, -ENOMEM, "out of memory");
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return errmsg_errno(em, -errno, "%s", path);
        r = fileio_lock(fd);
        if (r == -EAGAIN)
                return errmsg_fail(em, -EBUSY,
                                   "onebox up already runs on %s (pid %d): stop it with `onebox "
                                   "down`",
                                   p->state_dir, (int) read_pid(fd));
        if (r >= 0)
                r = write_pid(fd);
        if (r < 0)
                return errmsg_errno(em, r, "%s", path);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

pid_t up_lock_holder(const struct paths *p, struct errmsg *em) {
        _cleanup_free_ char *path = paths_state(p, "up.lock");
        _cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        int r;

        if (fd < 0)
                return errno == ENOENT ? 0 : errmsg_errno(em, -errno, "%s/up.lock", p->state_dir);
        r = fileio_is_locked(fd);
        if (r <= 0)
                return r;
        return read_pid(fd);
}
