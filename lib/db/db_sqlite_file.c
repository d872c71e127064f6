#include "lib/db/db_sqlite_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/errmsg.h"
#include "lib/base/fault.h"
#include "lib/base/fileio.h"
#include "lib/base/macros.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* What the group may do with the directory it may do with the file, whatever the umask. */
static mode_t mode_for(const char *path) {
        char dir[PATH_MAX];
        struct stat st;
        char *slash;

        if (str_copy(dir, sizeof(dir), path) < 0)
                return 0600;
        slash = strrchr(dir, '/');
        if (slash)
                slash[slash == dir ? 1 : 0] = '\0';
        return stat(slash ? dir : ".", &st) < 0 ? 0600 : 0600 | (st.st_mode & 0060);
}

/* Gives `tmp` its name unless somebody was first; some file systems have no hard links. */
static int name_file(const char *tmp, const char *path) {
        if (link(tmp, path) == 0 || errno == EEXIST)
                return 0;
        if (renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_NOREPLACE) == 0 || errno == EEXIST)
                return 0;
        return -errno;
}

static int write_part(int fd, const char *data, size_t size, off_t offset) {
        int r = fault_at(FAULT_DB_WRITE);

        while (r >= 0 && size > 0) {
                ssize_t n = pwrite(fd, data, size, offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                data += n;
                offset += n;
                size -= (size_t) n;
        }
        return r;
}

/* On the disk before it has a name: the log's commits take the file's pages for granted. */
static int write_image(int fd, const struct db_sqlite_file_image *image) {
        const char *bytes = image->bytes;
        _cleanup_free_ char *whole = mem_zalloc_array(image->size, 1);
        int r;

        if (!whole)
                return -ENOMEM;
        for (size_t i = 0; i < image->n_parts; i++) {
                const struct db_sqlite_file_part *p = &image->parts[i];

                assert(p->offset < image->size && p->size <= image->size - p->offset);
                memcpy(whole + p->offset, bytes, p->size);
                bytes += p->size;
        }
        r = write_part(fd, whole, image->size, 0);
        return r < 0 ? r : fdatasync(fd) < 0 ? -errno : 0;
}

int db_sqlite_file_make(const char *path, const struct db_sqlite_file_image *image,
                        struct errmsg *em) {
        _cleanup_close_ int fd = -1;
        char tmp[PATH_MAX];
        int r = 0;

        assert(path);
        if (access(path, F_OK) == 0)
                return 0;
        if (snprintf(tmp, sizeof(tmp), "%s.%d", path, (int) getpid()) >= (int) sizeof(tmp))
                return -ENAMETOOLONG;
        (void) unlink(tmp);
        fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 || fchmod(fd, mode_for(path)) < 0)
                r = -errno;
        if (r >= 0 && image)
                r = write_image(fd, image);
        if (r >= 0)
                r = name_file(tmp, path);
        if (fd >= 0)
                (void) unlink(tmp);
        if (r < 0)
                return errmsg_errno(em, r, "%s: uid %u cannot make the database%s", path,
                                    (unsigned) geteuid(),
                                    r == -ENOENT ? ", its directory must be there" : "");
        return 0;
}
