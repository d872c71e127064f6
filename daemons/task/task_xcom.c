#include "daemons/task/task_xcom.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fileio.h"

int task_xcom_begin(int dir_fd) {
        return mkdirat(dir_fd, "xcom", 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int write_last(int xcom_fd, const struct task_log_line *last) {
        _cleanup_close_ int fd = -1;

        if (faccessat(xcom_fd, "return_value.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return 0;
        fd = openat(xcom_fd, "return_value", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0)
                return errno == EEXIST ? 0 : -errno;
        return fileio_write_all(fd, last->text, last->len);
}

/* Readable for the scheduler whatever umask the command had, and on the disk. */
static int settle_file(int xcom_fd, const char *name) {
        _cleanup_close_ int fd =
                openat(xcom_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;

        if (fd < 0)
                return errno == ELOOP ? 0 : -errno; /* the scheduler refuses a link */
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return 0;
        if ((st.st_mode & 0444) != 0444 && fchmod(fd, 0644) < 0)
                return -errno;
        return fileio_fsync(fd);
}

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

static int settle_all(int xcom_fd, size_t *ret_n) {
        _cleanup_(closedirp) DIR *d = NULL;
        struct dirent *e;
        int r = 0, fd = dup(xcom_fd);

        if (fd < 0)
                return -errno;
        d = fdopendir(fd);
        if (!d) {
                r = -errno;
                close(fd);
                return r;
        }
        while (r >= 0 && (e = readdir(d))) {
                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                        continue;
                ++*ret_n;
                r = settle_file(xcom_fd, e->d_name);
        }
        return r;
}

int task_xcom_end(int dir_fd, const struct task_log_line *last, struct errmsg *em) {
        _cleanup_close_ int fd =
                openat(dir_fd, "xcom", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        size_t n = 0;
        int r = 0;

        if (fd < 0)
                return errno == ENOENT && !last
                               ? 0
                               : errmsg_errno(em, -errno,
                                              "cannot keep what it left for other tasks: xcom");
        if (last)
                r = write_last(fd, last);
        if (r >= 0)
                r = settle_all(fd, &n);
        /* An empty one stays, and goes with the try: ext4 looks at each inode that was freed in the
         * last seconds when it makes a new one, and a thousand tries make eight thousand. */
        if (r >= 0 && n > 0)
                r = fileio_fsync(fd);
        return r < 0 ? errmsg_errno(em, r, "cannot keep what it left for other tasks") : 0;
}
