#include "daemons/launcher/launcher_secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static int write_new(const char *path, const char *data, size_t len) {
        _cleanup_close_ int fd =
                open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);

        return fd < 0 ? -errno : fileio_write_all(fd, data, len);
}

static int copy(const char *dir, const struct launcher_allow *allow,
                const struct launcher_carry_secret *s, struct errmsg *em) {
        _cleanup_free_ char *path = str_printf("%s/%s", dir, s->name), *data = NULL;
        _cleanup_close_ int fd = -1;
        size_t len;
        int r;

        if (!path)
                return errmsg_fail(em, -ENOMEM, "no memory");
        r = launcher_allow_secret(allow, s, &fd, em);
        if (r < 0)
                return r;
        r = fileio_read_fd(fd, LAUNCHER_SECRETS_SIZE_MAX, &data, &len);
        if (r == -EFBIG)
                return errmsg_fail(em, -EPERM, "secret \"%s\" is larger than 1 MiB", s->name);
        if (r >= 0) {
                r = write_new(path, data, len);
                explicit_bzero(data, len);
        }
        return r < 0 ? errmsg_errno(em, r, "secret \"%s\": cannot copy it to \"%s\"", s->name, path)
                     : 0;
}

void launcher_secrets_drop(const char *dir, const char *try_id) {
        _cleanup_free_ char *path = str_printf("%s/%s", dir, try_id);

        if (path)
                fileio_rm_rf(path);
}

int launcher_secrets_put(const char *dir, const char *try_id, const struct launcher_allow *allow,
                         const struct launcher_carry *carry, struct errmsg *em) {
        _cleanup_free_ char *path = str_printf("%s/%s", dir, try_id);
        int r;

        if (carry->n_secrets == 0)
                return 0;
        if (!path)
                return errmsg_fail(em, -ENOMEM, "no memory");
        launcher_secrets_drop(dir, try_id);
        r = fileio_mkdir_p(dir, 0700);
        if (r >= 0 && mkdir(path, 0700) < 0)
                r = -errno;
        if (r < 0)
                return errmsg_errno(em, r, "cannot make \"%s\"", path);
        for (size_t i = 0; i < carry->n_secrets && r >= 0; i++)
                r = copy(path, allow, &carry->secrets[i], em);
        if (r < 0)
                launcher_secrets_drop(dir, try_id);
        return r;
}
