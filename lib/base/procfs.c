#include "lib/base/procfs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 64 };

static int open_file(pid_t pid, const char *file, int flags) {
        char path[PATH_SIZE];
        int fd;

        if ((size_t) snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, file) >= sizeof(path))
                return -ENAMETOOLONG;
        fd = open(path, flags | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

ssize_t procfs_read(pid_t pid, const char *file, char *ret, size_t size) {
        int fd = open_file(pid, file, O_RDONLY);
        ssize_t n = 0, k = 1;

        assert(size > 0);
        if (fd < 0)
                return fd;
        while (k != 0 && (size_t) n < size - 1) {
                k = read(fd, ret + n, size - 1 - (size_t) n);
                if (k < 0 && errno != EINTR) {
                        n = -errno;
                        break;
                }
                n += k > 0 ? k : 0;
        }
        (void) close(fd);
        if (n >= 0)
                ret[n] = 0;
        return n;
}

int procfs_write(pid_t pid, const char *file, const char *text) {
        int fd = open_file(pid, file, O_WRONLY), r;

        if (fd < 0)
                return fd;
        r = write(fd, text, strlen(text)) < 0 ? -errno : 0;
        (void) close(fd);
        return r;
}
