#include "daemons/task/task_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fault.h"
#include "lib/base/fileio.h"

enum { END_ROOM = 4096 };

int task_spool_init(struct task_spool *s, const char *dir, struct errmsg *em) {
        int r;

        *s = (struct task_spool) TASK_SPOOL_NONE;
        s->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (s->dir_fd < 0)
                return errmsg_errno(em, -errno, "cannot open the spool directory \"%s\"", dir);
        s->lock_fd = openat(s->dir_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (s->lock_fd < 0)
                return errmsg_errno(em, -errno, "cannot open \"%s/lock\"", dir);
        r = fileio_lock(s->lock_fd);
        if (r == -EAGAIN)
                return errmsg_fail(em, -EBUSY, "\"%s\" belongs to a running onebox-task", dir);
        if (r < 0)
                return errmsg_errno(em, r, "cannot lock \"%s/lock\"", dir);
        return 0;
}

void task_spool_done(struct task_spool *s) {
        fileio_close(s->end_fd);
        fileio_close(s->dir_fd);
        fileio_close(s->lock_fd); /* the lock goes last */
        *s = (struct task_spool) TASK_SPOOL_NONE;
}

static int end_open(struct task_spool *s) {
        int r, fd;

        fd = openat(s->dir_fd, "end.tmp", O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                    0644);
        if (fd < 0)
                return -errno;
        r = fault_at(FAULT_WRITE);
        if (r >= 0 && fallocate(fd, 0, 0, END_ROOM) < 0 && errno != EOPNOTSUPP)
                r = -errno;
        if (r < 0) {
                close(fd);
                return r;
        }
        s->end_fd = fd;
        return 0;
}

int task_spool_start(struct task_spool *s, struct errmsg *em) {
        struct stat st;
        int r, fd;

        if (fstatat(s->dir_fd, "started", &st, AT_SYMLINK_NOFOLLOW) == 0)
                return errmsg_fail(em, -EEXIST, "this try was started or cancelled before");
        r = end_open(s);
        if (r < 0)
                return errmsg_errno(em, r, "cannot take room for end.json");
        fd = openat(s->dir_fd, "started", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0 && errno == EEXIST)
                return errmsg_fail(em, -EEXIST, "this try was started or cancelled before");
        if (fd < 0)
                return errmsg_errno(em, -errno, "cannot make \"started\"");
        close(fd);
        return 0;
}

void task_spool_beat(struct task_spool *s, int child_pid) {
        char text[48];
        int n = snprintf(text, sizeof(text), "%-10d %-10d\n", (int) getpid(), child_pid);

        if (pwrite(s->lock_fd, text, (size_t) n, 0) != n) {
                /* The disk is full: the lock itself, which counts, is held. */
        }
}

/* The room taken at the start, or a new file when that is used up. */
static int end_write(struct task_spool *s, const char *text, size_t len) {
        ssize_t n;
        int r;

        if (s->end_fd < 0) {
                r = end_open(s);
                if (r < 0)
                        return r;
        }
        r = fault_at(FAULT_WRITE);
        if (r < 0)
                return r;
        n = pwrite(s->end_fd, text, len, 0);
        if (n < 0)
                return -errno;
        if ((size_t) n != len)
                return -ENOSPC;
        return ftruncate(s->end_fd, (off_t) len) < 0 ? -errno : 0;
}

int task_spool_end(struct task_spool *s, const char *text, size_t len) {
        int r = end_write(s, text, len);

        if (r < 0)
                return r;
        r = fault_at(FAULT_RENAME);
        if (r >= 0 && renameat(s->dir_fd, "end.tmp", s->dir_fd, "end.json") < 0)
                r = -errno;
        if (r < 0)
                return r;
        return 0;
}

int task_spool_sync(struct task_spool *s) {
        int r = 0;

        if (s->end_fd < 0)
                return 0;
        /* one fsync for both: the file's bytes and, as the rename changed its inode, the rename;
         * after one that failed, which may have dropped pages, all is written anew */
        r = fileio_fsync(s->end_fd);
        s->end_fd = fileio_close(s->end_fd);
        return r;
}

bool task_spool_is_acked(const struct task_spool *s) {
        return faccessat(s->dir_fd, "acked", F_OK, 0) == 0;
}
