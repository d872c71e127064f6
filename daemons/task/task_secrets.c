#include "daemons/task/task_secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

int task_secrets_init(struct task_secrets *s, int dir_fd) {
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        _cleanup_close_ int fd = -1;
        void *p;

        /* by the directory's fd: a path may be longer than an address */
        snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/mask.sock", dir_fd);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (unlinkat(dir_fd, "mask.sock", 0) < 0 && errno != ENOENT)
                return -errno;
        if (bind(fd, (struct sockaddr *) &at, sizeof(at)) < 0)
                return -errno;
        /* the directory keeps all but the scheduler out */
        if (fchmodat(dir_fd, "mask.sock", 0666, 0) < 0)
                return -errno;
        p = mmap(NULL, TASK_SECRETS_DATAGRAM_MAX, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                return -ENOMEM;
        madvise(p, TASK_SECRETS_DATAGRAM_MAX, MADV_DONTDUMP);
        s->buffer = p;
        s->fd = TAKE_FD(fd);
        s->dir_fd = dir_fd;
        return 0;
}

void task_secrets_done(struct task_secrets *s) {
        task_mask_done(&s->mask);
        if (s->buffer)
                munmap(s->buffer, TASK_SECRETS_DATAGRAM_MAX);
        if (s->fd >= 0)
                unlinkat(s->dir_fd, "mask.sock", 0);
        s->buffer = NULL;
        s->fd = fileio_close(s->fd);
}

void task_secrets_add(struct task_secrets *s, const char *value, size_t len) {
        int r = task_mask_add(&s->mask, value, len);

        if (r < 0 && !s->error)
                s->error = r;
}

void task_secrets_drain(struct task_secrets *s) {
        ssize_t n;

        while (s->fd >= 0 && (n = recv(s->fd, s->buffer, TASK_SECRETS_DATAGRAM_MAX, 0)) >= 0) {
                for (size_t at = 0; at < (size_t) n;) {
                        size_t len = strnlen(s->buffer + at, (size_t) n - at);

                        task_secrets_add(s, s->buffer + at, len);
                        at += len + 1;
                }
                explicit_bzero(s->buffer, (size_t) n);
        }
}

static int load_one(struct task_secrets *s, const char *path, const char *name, struct errmsg *em) {
        _cleanup_free_ char *data = NULL;
        size_t len;
        int r = fileio_read(path, TASK_SECRETS_FILE_MAX, &data, &len);

        if (r < 0)
                return errmsg_errno(em, r, "cannot read the secret \"%s\" at \"%s\"", name, path);
        task_secrets_add(s, data, len);
        explicit_bzero(data, len);
        return 0;
}

/* ONEBOX_SECRET_NAME=PATH; other characters of the name become "_". */
static char *variable(struct arena *a, const char *name, const char *path) {
        char *text = arena_printf(a, "ONEBOX_SECRET_%s=%s", name, path);

        for (char *c = text; c && *c != '='; c++)
                *c = (char) (*c >= 'a' && *c <= 'z' ? *c - 32 : strchr(".-", *c) ? '_' : *c);
        return text;
}

int task_secrets_load(struct task_secrets *s, const char *dir, struct arena *a,
                      char *const **ret_env, struct errmsg *em) {
        _cleanup_(str_free_listp) char **names = NULL;
        size_t n = 0;
        char **env;
        int r;

        r = dir ? fileio_list(dir, NULL, &names) : 0;
        if (r < 0)
                return errmsg_errno(em, r, "cannot read the secrets in \"%s\"", dir);
        env = arena_zalloc_array(a, str_count(names) + 2, sizeof(*env));
        if (env && dir)
                env[n++] = arena_printf(a, "CREDENTIALS_DIRECTORY=%s", dir);
        if (!env || (dir && !env[0]))
                return errmsg_fail(em, -ENOMEM, "no memory");
        for (char **name = names; name && *name; name++) {
                char *path = arena_printf(a, "%s/%s", dir, *name);

                r = path ? load_one(s, path, *name, em) : errmsg_fail(em, -ENOMEM, "no memory");
                if (r < 0)
                        return r;
                env[n] = variable(a, *name, path);
                if (!env[n++])
                        return errmsg_fail(em, -ENOMEM, "no memory");
        }
        *ret_env = env;
        return 0;
}
