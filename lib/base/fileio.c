/* fileio: see fileio.h. Locks are in fileio_lock's part below; trees (mkdir_p, rm_rf, list) too. */
#include "lib/base/fileio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/entropy.h"
#include "lib/base/fault.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static int open_at(int dir_fd, const char *name, int flags, mode_t mode) {
        int r = fault_at(FAULT_OPEN), fd;

        if (r < 0)
                return r;
        fd = openat(dir_fd, name, flags | O_CLOEXEC | O_NOCTTY, mode);
        return fd < 0 ? -errno : fd;
}

int fileio_read_full(int fd, void *p, size_t n, size_t *ret_n) {
        size_t done = 0;

        while (done < n) {
                ssize_t k;
                int r = fault_at(FAULT_READ);

                if (r < 0)
                        return r;
                k = read(fd, (char *) p + done, n - done);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                done += (size_t) k;
        }
        *ret_n = done;
        return 0;
}

/* The size is a guess only: files in /proc say 0, others may grow while they are read. */
int fileio_read_fd(int fd, size_t limit, char **ret_data, size_t *ret_len) {
        _cleanup_free_ char *data = NULL;
        size_t cap = 4096, len = 0;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISREG(st.st_mode) && st.st_size > 0) {
                if ((uintmax_t) st.st_size > limit)
                        return -EFBIG;
                cap = (size_t) st.st_size + 2;
        }
        for (;;) {
                size_t n;
                char *more = mem_realloc(data, cap);
                int r;

                if (!more)
                        return -ENOMEM;
                data = more;
                r = fileio_read_full(fd, data + len, cap - 1 - len, &n);
                if (r < 0)
                        return r;
                len += n;
                if (len > limit)
                        return -EFBIG;
                if (len < cap - 1)
                        break;
                cap *= 2;
        }
        data[len] = 0;
        *ret_data = TAKE_PTR(data);
        if (ret_len)
                *ret_len = len;
        return 0;
}

int fileio_read_at(int dir_fd, const char *name, size_t limit, char **ret_data, size_t *ret_len) {
        _cleanup_close_ int fd = open_at(dir_fd, name, O_RDONLY, 0);

        return fd < 0 ? fd : fileio_read_fd(fd, limit, ret_data, ret_len);
}

int fileio_read(const char *path, size_t limit, char **ret_data, size_t *ret_len) {
        return fileio_read_at(AT_FDCWD, path, limit, ret_data, ret_len);
}

int fileio_write_all(int fd, const void *p, size_t n) {
        const char *at = p;

        while (n > 0) {
                ssize_t k;
                int r = fault_at(FAULT_WRITE);

                if (r < 0)
                        return r;
                k = write(fd, at, n);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                at += k;
                n -= (size_t) k;
        }
        return 0;
}

int fileio_fsync(int fd) {
        int r = fault_at(FAULT_FSYNC);

        if (r < 0)
                return r;
        return fsync(fd) < 0 ? -errno : 0;
}

static int fsync_dir_at(int dir_fd, const char *path) {
        _cleanup_close_ int fd = open_at(dir_fd, path, O_RDONLY | O_DIRECTORY, 0);

        return fd < 0 ? fd : fileio_fsync(fd);
}

int fileio_fsync_dir(const char *path) {
        return fsync_dir_at(AT_FDCWD, path);
}

/* "a/b" gives "a", "b" gives ".", "/b" gives "/". */
static char *parent_of(const char *path) {
        const char *slash = strrchr(path, '/');

        if (!slash)
                return mem_strdup(".");
        return mem_strndup(path, slash == path ? 1 : (size_t) (slash - path));
}

static int rename_at(int dir_fd, const char *from, const char *to) {
        int r = fault_at(FAULT_RENAME);

        if (r < 0)
                return r;
        return renameat(dir_fd, from, dir_fd, to) < 0 ? -errno : 0;
}

static int fill_temporary(int dir_fd, const char *name, const void *data, size_t len, mode_t mode,
                          bool durable) {
        _cleanup_close_ int fd = open_at(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL, mode);
        int r;

        if (fd < 0)
                return fd;
        r = fileio_write_all(fd, data, len);
        if (r >= 0 && durable)
                r = fileio_fsync(fd);
        return r;
}

static int replace_at(int dir_fd, const char *name, const void *data, size_t len, mode_t mode,
                      bool durable) {
        _cleanup_free_ char *dir = NULL, *temporary = NULL;
        char id[17];
        int r;

        r = entropy_hex(entropy_system(), 8, id);
        if (r < 0)
                return r;
        dir = parent_of(name);
        temporary = str_printf("%s.%s.tmp", name, id);
        if (!dir || !temporary)
                return -ENOMEM;
        r = fill_temporary(dir_fd, temporary, data, len, mode, durable);
        if (r >= 0)
                r = rename_at(dir_fd, temporary, name);
        if (r < 0) {
                (void) unlinkat(dir_fd, temporary, 0);
                return r;
        }
        return durable ? fsync_dir_at(dir_fd, dir) : 0;
}

int fileio_write_durable_at(int dir_fd, const char *name, const void *data, size_t len,
                            mode_t mode) {
        return replace_at(dir_fd, name, data, len, mode, true);
}

int fileio_write_durable(const char *path, const void *data, size_t len, mode_t mode) {
        return replace_at(AT_FDCWD, path, data, len, mode, true);
}

int fileio_write_atomic(const char *path, const void *data, size_t len, mode_t mode) {
        return replace_at(AT_FDCWD, path, data, len, mode, false);
}

static int make_dir(const char *path, mode_t mode) {
        struct stat st;
        int r = fault_at(FAULT_MKDIR);

        if (r < 0)
                return r;
        if (mkdir(path, mode) >= 0)
                return 0;
        r = -errno;
        if (r == -EEXIST)
                return stat(path, &st) < 0 ? -errno : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
        return r;
}

int fileio_mkdir_p(const char *path, mode_t mode) {
        _cleanup_free_ char *copy = mem_strdup(path);

        if (!copy)
                return -ENOMEM;
        if (!*copy)
                return -EINVAL;
        for (char *p = copy + 1; *p; p++) {
                int r;

                if (*p != '/')
                        continue;
                *p = 0;
                r = access(copy, F_OK) < 0 ? make_dir(copy, mode) : 0;
                if (r < 0)
                        return r;
                *p = '/';
        }
        return make_dir(copy, mode);
}

int fileio_mkdir_parents(const char *path, mode_t mode) {
        _cleanup_free_ char *dir = parent_of(path);

        return dir ? fileio_mkdir_p(dir, mode) : -ENOMEM;
}

int fileio_unlink(const char *path) {
        int r = fault_at(FAULT_UNLINK);

        if (r < 0)
                return r;
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int remove_tree_at(int dir_fd, const char *name, dev_t dev);

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

/* fd is taken. */
static int empty_dir(int fd, dev_t dev) {
        _cleanup_(closedirp) DIR *d = fdopendir(fd);
        struct dirent *e;
        int r = 0;

        if (!d) {
                r = -errno;
                fileio_close(fd);
                return r;
        }
        while (r >= 0 && (errno = 0, e = readdir(d)))
                if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
                        r = remove_tree_at(dirfd(d), e->d_name, dev);
        return r < 0 ? r : -errno;
}

static int remove_tree_at(int dir_fd, const char *name, dev_t dev) {
        struct stat st;
        int fd, r;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISDIR(st.st_mode))
                return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
        if (dev && st.st_dev != dev)
                return -EXDEV;
        fd = open_at(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        if (fd < 0)
                return fd;
        r = empty_dir(fd, st.st_dev);
        if (r < 0)
                return r;
        return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int fileio_rm_rf(const char *path) {
        int r = fault_at(FAULT_UNLINK);

        return r < 0 ? r : remove_tree_at(AT_FDCWD, path, 0);
}

static int by_bytes(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

int fileio_list(const char *path, const char *suffix, char ***ret_names) {
        _cleanup_(closedirp) DIR *d = NULL;
        _cleanup_(str_free_listp) char **names = NULL;
        size_t n = 0, cap = 0;
        struct dirent *e;
        int r = fault_at(FAULT_OPEN);

        if (r < 0)
                return r;
        d = opendir(path);
        if (!d)
                return -errno;
        while ((errno = 0, e = readdir(d))) {
                if (str_eq(e->d_name, ".") || str_eq(e->d_name, "..") ||
                    (suffix && !str_ends(e->d_name, suffix)))
                        continue;
                r = mem_grow((void **) &names, &cap, n + 2, sizeof(char *));
                if (r < 0)
                        return r;
                names[n] = mem_strdup(e->d_name);
                names[n + 1] = NULL;
                if (!names[n++])
                        return -ENOMEM;
        }
        if (errno)
                return -errno;
        if (!names && !(names = mem_zalloc(sizeof(char *))))
                return -ENOMEM;
        qsort(names, n, sizeof(char *), by_bytes);
        *ret_names = TAKE_PTR(names);
        return 0;
}

int fileio_lock(int fd) {
        struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

        if (fcntl(fd, F_OFD_SETLK, &fl) < 0)
                return errno == EACCES ? -EAGAIN : -errno;
        return 0;
}

int fileio_lock_wait(int fd) {
        struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

        return fcntl(fd, F_OFD_SETLKW, &fl) < 0 ? -errno : 0;
}

int fileio_is_locked(int fd) {
        struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

        if (fcntl(fd, F_OFD_GETLK, &fl) < 0)
                return -errno;
        return fl.l_type != F_UNLCK;
}

int fileio_close(int fd) {
        int saved = errno;

        if (fd >= 0)
                (void) close(fd);
        errno = saved;
        return -1;
}
