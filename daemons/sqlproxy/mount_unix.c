/* See mount_unix.h. */
#include "daemons/sqlproxy/mount_unix.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_listen.h"
#include "lib/net/listen_fds.h"

#define BACKLOG 4096
#define PG_SOCKET ".s.PGSQL.5432"

/* Everything before the last slash. */
static int check_parent(const char *path, struct errmsg *em) {
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *dir = NULL;
        struct stat st;

        if (!slash)
                dir = mem_strdup(".");
        else
                dir = mem_strndup(path, slash == path ? 1 : (size_t) (slash - path));
        if (!dir)
                return -ENOMEM;
        return stat(dir, &st) < 0 ? errmsg_errno(em, -errno, "stat %s", dir) : 0;
}

/* Without PostgreSQL's own end. */
static char *base_path(const struct mount_unix_place *p) {
        char *base = p->name ? str_printf("%s/%s", p->path, p->name) : mem_strdup(p->path);

        if (base && !p->name && p->is_pg && str_ends(base, "/" PG_SOCKET))
                base[strlen(base) - STRLEN("/" PG_SOCKET)] = 0;
        return base;
}

static int find_path(const struct mount_unix_place *p, char **ret, struct errmsg *em) {
        _cleanup_free_ char *base = base_path(p);
        int r = base ? check_parent(base, em) : -ENOMEM;

        if (r < 0)
                return r;
        if (p->is_pg && mkdir(base, 0777) < 0 && errno != EEXIST)
                return errmsg_errno(em, -errno, "mkdir %s", base);
        *ret = p->is_pg ? str_printf("%s/" PG_SOCKET, base) : TAKE_PTR(base);
        return *ret ? 0 : -ENOMEM;
}

/* What a proxy that was killed left there is replaced; a living one's is not. */
static int make_way(const char *path, struct errmsg *em) {
        struct stat st;

        if (lstat(path, &st) < 0)
                return 0;
        if (!S_ISSOCK(st.st_mode))
                return errmsg_fail(em, -EEXIST, "listen unix %s: it exists and is no socket", path);
        if (http_listen_path_alive(path))
                return errmsg_errno(em, -EADDRINUSE, "listen unix %s: bind", path);
        return unlink(path) < 0 && errno != ENOENT
                       ? errmsg_errno(em, -errno, "listen unix %s: a stale socket stays", path)
                       : 0;
}

/* The manager's, if its path still leads to it. */
static bool take_kept(struct mount *m, const struct sockaddr_un *sa) {
        struct stat st;

        m->fd = listen_fds_take((const struct sockaddr *) sa, sizeof *sa);
        if (m->fd >= 0 && lstat(sa->sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
                return true;
        if (m->fd >= 0)
                (void) listen_fds_forget(m->address);
        m->fd = fileio_close(m->fd);
        return false;
}

static int bind_here(struct mount *m, const struct sockaddr_un *sa, struct errmsg *em) {
        m->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (m->fd < 0 || bind(m->fd, (const struct sockaddr *) sa, sizeof *sa) < 0)
                return errmsg_errno(em, -errno, "listen unix %s: bind", sa->sun_path);
        m->unix_path = mem_strdup(sa->sun_path);
        (void) chmod(sa->sun_path, 0777);
        if (!m->unix_path || listen(m->fd, BACKLOG) < 0)
                return errmsg_errno(em, m->unix_path ? -errno : -ENOMEM, "listen unix %s",
                                    sa->sun_path);
        return 0;
}

int mount_unix_open(struct mount *m, const struct mount_unix_place *p, struct errmsg *em) {
        struct sockaddr_un sa = {.sun_family = AF_UNIX};
        _cleanup_free_ char *path = NULL;
        int r = find_path(p, &path, em);

        if (r < 0)
                return r;
        if (str_copy(sa.sun_path, sizeof sa.sun_path, path) < 0)
                return errmsg_fail(em, -ENAMETOOLONG,
                                   "listen unix %s: bind: invalid argument (a socket's path has at "
                                   "most %zu bytes)",
                                   path, sizeof sa.sun_path - 1);
        (void) snprintf(m->address, sizeof m->address, "%s", path);
        if (take_kept(m, &sa)) {
                m->unix_path = TAKE_PTR(path);
                m->is_kept = true;
                return 0;
        }
        r = make_way(path, em);
        return r < 0 ? r : bind_here(m, &sa, em);
}
