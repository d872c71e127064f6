#include "daemons/launcher/launcher_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/fileio.h"

static int spool_open(const char *tasks_dir, const char *try_id) {
        _cleanup_close_ int tasks_fd = open(tasks_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int fd;

        if (tasks_fd < 0)
                return -errno;
        fd = openat(tasks_fd, try_id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static pid_t lock_pid(int lock_fd) {
        char text[32] = {};

        if (pread(lock_fd, text, sizeof(text) - 1, 0) <= 0)
                return 0;
        return (pid_t) strtol(text, NULL, 10);
}

int launcher_spool_find(const char *tasks_dir, const char *try_id, pid_t *ret_pid, int *ret_pidfd) {
        _cleanup_close_ int dir_fd = spool_open(tasks_dir, try_id), lock_fd = -1, pidfd = -1;
        pid_t pid;
        int r;

        if (dir_fd < 0)
                return dir_fd == -ENOENT ? 0 : dir_fd;
        lock_fd = openat(dir_fd, "lock", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (lock_fd < 0)
                return errno == ENOENT ? 0 : -errno;
        r = fileio_is_locked(lock_fd);
        if (r <= 0)
                return r;
        pid = lock_pid(lock_fd);
        if (pid <= 1)
                return 0;
        pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0)
                return errno == ESRCH ? 0 : -errno;
        /* held still: the pid was its holder's when the pidfd was taken */
        r = fileio_is_locked(lock_fd);
        if (r <= 0 || lock_pid(lock_fd) != pid)
                return MIN(r, 0);
        *ret_pid = pid;
        *ret_pidfd = TAKE_FD(pidfd);
        return 1;
}

int launcher_spool_hand_over(const char *tasks_dir, const char *try_id, uid_t user, uid_t scheduler,
                             gid_t scheduler_group, struct errmsg *em) {
        _cleanup_close_ int dir_fd = spool_open(tasks_dir, try_id);
        struct stat st;

        if (dir_fd < 0)
                return errmsg_errno(em, dir_fd, "cannot open the spool of try %s", try_id);
        if (fstat(dir_fd, &st) < 0)
                return errmsg_errno(em, -errno, "cannot look at the spool of try %s", try_id);
        if (st.st_uid != scheduler && st.st_uid != user)
                return errmsg_fail(em, -EPERM,
                                   "the spool of try %s belongs to uid %u, who is neither the "
                                   "scheduler nor the task's user",
                                   try_id, (unsigned) st.st_uid);
        if (st.st_uid == user && st.st_gid == scheduler_group)
                return 0;
        if (fchmod(dir_fd, 0770) < 0 || fchown(dir_fd, user, scheduler_group) < 0)
                return errmsg_errno(em, -errno, "cannot hand over the spool of try %s", try_id);
        return 0;
}
