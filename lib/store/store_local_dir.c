/* store_local_dir.c: openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS; where the kernel or a
 * sandbox does not have it, one openat(2) with O_NOFOLLOW a part. */
#include "lib/store/store_local_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/str.h"
#include "lib/store/store.h"

enum { DIR_FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW };

/* O_NOFOLLOW would hide a link at the end as ENOTDIR; without it the kernel says ELOOP. O_PATH
 * opens the link itself, for those who look what is there. */
static int open_beneath(int root_fd, const char *name, int flags) {
        struct open_how how = {.flags = (uint64_t) (flags & O_PATH ? flags : flags & ~O_NOFOLLOW),
                               .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
                                          RESOLVE_NO_MAGICLINKS};
        long fd = syscall(SYS_openat2, root_fd, name, &how, sizeof(how));

        return fd < 0 ? -errno : (int) fd;
}

/* O_NOFOLLOW with O_DIRECTORY answers ENOTDIR for a link: tell it apart from a file. */
static int open_part(int dir_fd, const char *part, int flags) {
        struct stat st;
        int fd = openat(dir_fd, part, flags | O_NOFOLLOW);

        if (fd >= 0)
                return fd;
        if (errno == ENOTDIR && fstatat(dir_fd, part, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISLNK(st.st_mode))
                return -ELOOP;
        return errno == ENOTDIR ? -ENOTDIR : -errno;
}

static int open_by_parts(int root_fd, const char *name, int flags) {
        char path[STORE_NAME_MAX + 1];
        char *part = path;
        int dir_fd = root_fd, fd, r;

        r = str_copy(path, sizeof(path), name);
        if (r < 0)
                return -ENAMETOOLONG;
        for (;;) {
                char *slash = strchr(part, '/');

                if (slash)
                        *slash = '\0';
                fd = open_part(dir_fd, part, slash ? DIR_FLAGS : flags);
                if (dir_fd != root_fd)
                        fileio_close(dir_fd);
                if (fd < 0 || !slash)
                        return fd;
                dir_fd = fd;
                part = slash + 1;
        }
}

int store_local_dir_open(int root_fd, const char *name, int flags) {
        static atomic_bool is_missing; /* openat2 */
        int r;

        assert(root_fd >= 0 && *name && *name != '/');
        flags |= O_CLOEXEC;
        if (!atomic_load_explicit(&is_missing, memory_order_relaxed)) {
                do
                        r = open_beneath(root_fd, name, flags);
                while (r == -EAGAIN); /* a rename raced with it */
                if (r != -ENOSYS && r != -EPERM)
                        return r;
                if (r == -ENOSYS)
                        atomic_store_explicit(&is_missing, true, memory_order_relaxed);
        }
        return open_by_parts(root_fd, name, flags);
}

/* Opens `part` in `dir_fd`, makes it first if it must. */
static int open_or_make(int dir_fd, const char *part, bool make) {
        int fd = open_part(dir_fd, part, DIR_FLAGS), r;

        if (fd != -ENOENT || !make)
                return fd;
        if (mkdirat(dir_fd, part, 0750) < 0 && errno != EEXIST)
                return -errno;
        r = fileio_fsync(dir_fd);
        return r < 0 ? r : open_part(dir_fd, part, DIR_FLAGS);
}

int store_local_dir_parent(int root_fd, const char *name, bool make, const char **ret_base) {
        const char *slash = strrchr(name, '/');
        char path[STORE_NAME_MAX + 1];
        char *part = path;
        int dir_fd, fd;

        *ret_base = slash ? slash + 1 : name;
        if (!slash) {
                fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
                return fd < 0 ? -errno : fd;
        }
        memcpy(path, name, (size_t) (slash - name));
        path[slash - name] = '\0';
        fd = store_local_dir_open(root_fd, path, DIR_FLAGS);
        if (fd != -ENOENT || !make)
                return fd;
        for (dir_fd = root_fd;; dir_fd = fd) {
                char *end = strchr(part, '/');

                if (end)
                        *end = '\0';
                fd = open_or_make(dir_fd, part, make);
                if (dir_fd != root_fd)
                        fileio_close(dir_fd);
                if (fd < 0 || !end)
                        return fd;
                part = end + 1;
        }
}

void store_local_dir_prune(int root_fd, const char *name) {
        char path[STORE_NAME_MAX + 1];
        char *slash;

        if (str_copy(path, sizeof(path), name) < 0)
                return;
        while ((slash = strrchr(path, '/'))) {
                _cleanup_close_ int dir_fd = -1;
                const char *base;

                *slash = '\0';
                dir_fd = store_local_dir_parent(root_fd, path, false, &base);
                if (dir_fd < 0 || unlinkat(dir_fd, base, AT_REMOVEDIR) < 0)
                        return; /* not empty, most likely */
        }
}
