/* Owns listening sockets: parsing addresses, binding, taking over handed sockets, accepting and the
 * identity of the peer. */
#include "lib/net/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_cidr.h"
#include "lib/net/sock_addr.h"

#define HTTP_LISTEN_BACKLOG 512

struct http_listen {
        int fd;
        int lock_fd;     /* held while we own the path of a Unix socket */
        char *unix_path; /* to remove at the end; NULL when not ours */
        bool is_unix;
        uint16_t port;
        char address[sizeof "unix:" + sizeof((struct sockaddr_un *) 0)->sun_path];
        char *name, *cidr_text;
        struct http_cidr_list cidrs;
        struct http_listen_options options;
};

void http_listen_close(struct http_listen *l) {
        if (l->unix_path)
                (void) unlink(l->unix_path);
        l->unix_path = mem_free(l->unix_path);
        l->fd = fileio_close(l->fd);
        l->lock_fd = fileio_close(l->lock_fd);
}

struct http_listen *http_listen_free(struct http_listen *l) {
        if (!l)
                return NULL;
        http_listen_close(l);
        mem_free(l->name);
        mem_free(l->cidr_text);
        return mem_free(l);
}

/* --- addresses ------------------------------------------------------------------------------- */

static bool http_listen_is_loopback(const union sock_addr *a) {
        if (a->sa.sa_family == AF_INET)
                return ntohl(a->in.sin_addr.s_addr) >> 24 == 127;
        if (a->sa.sa_family == AF_INET6)
                return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
        return true;
}

static int http_listen_parse_unix(const char *path, union sock_addr *ret, socklen_t *ret_size) {
        memset(ret, 0, sizeof *ret);
        ret->un.sun_family = AF_UNIX;
        if (*path != '/' || str_copy(ret->un.sun_path, sizeof ret->un.sun_path, path) < 0)
                return -EINVAL;
        *ret_size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
        return 0;
}

/* Fills address, port and kind from the bound socket. */
static int http_listen_describe(struct http_listen *l, union sock_addr *ret) {
        socklen_t size = sizeof *ret;
        char host[INET6_ADDRSTRLEN];

        memset(ret, 0, sizeof *ret);
        if (getsockname(l->fd, &ret->sa, &size) < 0)
                return -errno;
        l->is_unix = ret->sa.sa_family == AF_UNIX;
        if (l->is_unix) {
                snprintf(l->address, sizeof l->address, "unix:%s", ret->un.sun_path);
        } else if (ret->sa.sa_family == AF_INET) {
                l->port = ntohs(ret->in.sin_port);
                inet_ntop(AF_INET, &ret->in.sin_addr, host, sizeof host);
                snprintf(l->address, sizeof l->address, "%s:%u", host, l->port);
        } else if (ret->sa.sa_family == AF_INET6) {
                l->port = ntohs(ret->in6.sin6_port);
                inet_ntop(AF_INET6, &ret->in6.sin6_addr, host, sizeof host);
                snprintf(l->address, sizeof l->address, "[%s]:%u", host, l->port);
        } else {
                return -EAFNOSUPPORT;
        }
        return 0;
}

/* --- opening --------------------------------------------------------------------------------- */

bool http_listen_path_alive(const char *path) {
        _cleanup_close_ int fd = -1;
        union sock_addr a;
        socklen_t size;

        if (http_listen_parse_unix(path, &a, &size) < 0)
                return false;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return false;
        /* A full backlog (EAGAIN) is a sign of life, too. */
        return connect(fd, &a.sa, size) == 0 || errno == EAGAIN;
}

/* A stale socket file may only be replaced by one process at a time, and only when nobody accepts
 * there: the lock file beside it decides between two that start at once. */
static int http_listen_claim_path(struct http_listen *l, const char *path, struct errmsg *em) {
        _cleanup_free_ char *lock_path = str_printf("%s.lock", path);
        struct stat st;

        if (!lock_path)
                return -ENOMEM;
        l->lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (l->lock_fd < 0)
                return errmsg_errno(em, -errno, "cannot make %s", lock_path);
        if (flock(l->lock_fd, LOCK_EX | LOCK_NB) < 0)
                return errmsg_fail(em, -EADDRINUSE,
                                   "%s is in use: another process listens there; stop it first",
                                   path);
        if (lstat(path, &st) < 0)
                return errno == ENOENT ? 0 : errmsg_errno(em, -errno, "cannot look at %s", path);
        if (!S_ISSOCK(st.st_mode))
                return errmsg_fail(em, -EEXIST, "%s exists and is not a socket: move it away",
                                   path);
        if (http_listen_path_alive(path))
                return errmsg_fail(em, -EADDRINUSE,
                                   "%s is in use: another process listens there; stop it first",
                                   path);
        if (unlink(path) < 0 && errno != ENOENT)
                return errmsg_errno(em, -errno, "cannot remove the stale socket %s", path);
        return 0;
}

static int http_listen_check_unix(const char *path, struct errmsg *em, union sock_addr *ret,
                                  socklen_t *ret_size) {
        if (http_listen_parse_unix(path, ret, ret_size) == 0)
                return 0;
        return errmsg_fail(em, -EINVAL,
                           "unix:%s is not a socket address: give an absolute path of at most %zu "
                           "bytes",
                           path, sizeof ret->un.sun_path - 1);
}

static int http_listen_open_unix(struct http_listen *l, const char *path, struct errmsg *em) {
        mode_t mode = l->options.unix_mode ?: 0660;
        gid_t gid = l->options.unix_gid;
        union sock_addr a;
        socklen_t size;
        int r;

        r = http_listen_check_unix(path, em, &a, &size);
        if (r >= 0)
                r = http_listen_claim_path(l, path, em);
        if (r < 0)
                return r;
        l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (l->fd < 0)
                return errmsg_errno(em, -errno, "cannot make a socket");
        /* Born closed: the inode takes the socket's mode at bind, so nobody slips in before chmod.
         */
        if (fchmod(l->fd, mode & 0600) < 0)
                return errmsg_errno(em, -errno, "cannot set the mode of a socket");
        if (bind(l->fd, &a.sa, size) < 0)
                return errmsg_errno(em, -errno, "cannot listen on %s", path);
        l->unix_path = mem_strdup(path);
        if (!l->unix_path) {
                (void) unlink(path);
                return -ENOMEM;
        }
        if (gid != 0 && gid != (gid_t) -1 && lchown(path, (uid_t) -1, gid) < 0)
                return errmsg_errno(em, -errno, "cannot give %s to group %u", path, gid);
        if (chmod(path, mode) < 0)
                return errmsg_errno(em, -errno, "cannot set the mode of %s", path);
        if (listen(l->fd, HTTP_LISTEN_BACKLOG) < 0)
                return errmsg_errno(em, -errno, "cannot listen on %s", path);
        return 0;
}

static int http_listen_check_tcp(const char *text, bool allow_remote, struct errmsg *em,
                                 union sock_addr *ret, socklen_t *ret_size) {
        if (sock_addr_parse_tcp(text, ret, ret_size) < 0)
                return errmsg_fail(em, -EINVAL,
                                   "\"%s\" is not an address to listen on: write HOST:PORT, "
                                   "[::1]:PORT, unix:/PATH or fd:NAME",
                                   text);
        if (!allow_remote && !http_listen_is_loopback(ret))
                return errmsg_fail(em, -EINVAL,
                                   "%s is reachable from other machines, which is off: listen on "
                                   "127.0.0.1, or allow remote access in the configuration",
                                   text);
        return 0;
}

int http_listen_check(const char *address, bool allow_remote, struct errmsg *em) {
        const char *path = str_after(address, "unix:");
        union sock_addr a;
        socklen_t size;

        if (path)
                return http_listen_check_unix(path, em, &a, &size);
        return str_starts(address, "fd:")
                       ? 0
                       : http_listen_check_tcp(address, allow_remote, em, &a, &size);
}

static int http_listen_open_tcp(struct http_listen *l, const char *text, struct errmsg *em) {
        union sock_addr a;
        socklen_t size;
        int r = http_listen_check_tcp(text, l->options.allow_remote, em, &a, &size);

        if (r < 0)
                return r;
        l->fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (l->fd < 0)
                return errmsg_errno(em, -errno, "cannot make a socket for %s", text);
        if (setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
            (a.sa.sa_family == AF_INET6 &&
             setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int)) < 0) ||
            bind(l->fd, &a.sa, size) < 0 || listen(l->fd, HTTP_LISTEN_BACKLOG) < 0)
                return errmsg_errno(em, -errno, "cannot listen on %s", text);
        return 0;
}

/* Two listeners may ask for the same name: each handed socket is given out once. */
static int http_listen_open_handed(struct http_listen *l, const char *name, struct errmsg *em) {
        static uint64_t taken; /* bits of handed sockets given out */
        char **names = NULL;
        int n = sd_listen_fds_with_names(0, &names);

        for (int i = 0; i < n && i < 64; i++) {
                if (!str_eq(names[i], name) || taken & UINT64_C(1) << i)
                        continue;
                taken |= UINT64_C(1) << i;
                l->fd = SD_LISTEN_FDS_START + i;
                break;
        }
        str_free_list(names);
        if (n < 0)
                return errmsg_errno(em, n, "cannot read the handed sockets");
        if (l->fd < 0)
                return errmsg_fail(em, -ENOENT,
                                   "no socket named \"%s\" was handed over: check "
                                   "FileDescriptorName= of the socket unit",
                                   name);
        if (sd_is_socket(l->fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
                return errmsg_fail(em, -ENOTSOCK, "\"%s\" is not a listening stream socket", name);
        if (fcntl(l->fd, F_SETFL, O_NONBLOCK) < 0 || fcntl(l->fd, F_SETFD, FD_CLOEXEC) < 0)
                return errmsg_errno(em, -errno, "cannot prepare the socket \"%s\"", name);
        return 0;
}

static int http_listen_open_any(struct http_listen *l, const char *address, struct errmsg *em) {
        const char *rest;

        if ((rest = str_after(address, "unix:")))
                return http_listen_open_unix(l, rest, em);
        if ((rest = str_after(address, "fd:")))
                return http_listen_open_handed(l, rest, em);
        return http_listen_open_tcp(l, address, em);
}

static int http_listen_keep_options(struct http_listen *l, const struct http_listen_options *o,
                                    struct errmsg *em) {
        int r;

        l->options = *o;
        if (o->name && !(l->name = mem_strdup(o->name)))
                return -ENOMEM;
        if (o->allow_cidrs) {
                if (!(l->cidr_text = mem_strdup(o->allow_cidrs)))
                        return -ENOMEM;
                r = http_cidr_read_list(o->allow_cidrs, &l->cidrs, em);
                if (r < 0)
                        return r;
        }
        l->options.allow_cidrs = l->cidr_text;
        return 0;
}

int http_listen_open(const char *address, const struct http_listen_options *o,
                     struct http_listen **ret, struct errmsg *em) {
        static const struct http_listen_options defaults = {};
        _cleanup_(http_listen_freep) struct http_listen *l = mem_new(struct http_listen);
        union sock_addr bound;
        int r;

        if (!l)
                return -ENOMEM;
        l->fd = l->lock_fd = -1;
        r = http_listen_keep_options(l, o ?: &defaults, em);
        if (r >= 0)
                r = http_listen_open_any(l, address, em);
        if (r >= 0)
                r = http_listen_describe(l, &bound);
        if (r < 0)
                return r;
        if (!l->options.allow_remote && !http_listen_is_loopback(&bound))
                return errmsg_fail(
                        em, -EINVAL,
                        "%s is reachable from other machines, which is off: allow remote "
                        "access in the configuration",
                        l->address);
        if (!l->name && !(l->name = mem_strdup(l->address)))
                return -ENOMEM;
        l->options.name = l->name;
        *ret = TAKE_PTR(l);
        return 0;
}

/* --- asking ---------------------------------------------------------------------------------- */

const char *http_listen_name(const struct http_listen *l) {
        return l->name;
}

const char *http_listen_address(const struct http_listen *l) {
        return l->address;
}

int http_listen_fd(const struct http_listen *l) {
        return l->fd;
}

uint16_t http_listen_port(const struct http_listen *l) {
        return l->port;
}

bool http_listen_is_unix(const struct http_listen *l) {
        return l->is_unix;
}

const struct http_listen_options *http_listen_policy(const struct http_listen *l) {
        return &l->options;
}

/* --- accepting ------------------------------------------------------------------------------- */

static int http_listen_peer_unix(int fd, struct http_peer *ret) {
        struct ucred cred;
        socklen_t size = sizeof cred;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
                return -errno;
        *ret = (struct http_peer){
                .kind = HTTP_PEER_UNIX, .uid = cred.uid, .gid = cred.gid, .pid = cred.pid};
        return 0;
}

static int http_listen_peer_tcp(const struct http_listen *l, int fd, const union sock_addr *a,
                                struct http_peer *ret) {
        *ret = (struct http_peer){.kind = HTTP_PEER_TCP, .uid = (uid_t) -1, .gid = (gid_t) -1};
        if (a->sa.sa_family == AF_INET) {
                ret->port = ntohs(a->in.sin_port);
                inet_ntop(AF_INET, &a->in.sin_addr, ret->address, sizeof ret->address);
        } else {
                ret->port = ntohs(a->in6.sin6_port);
                inet_ntop(AF_INET6, &a->in6.sin6_addr, ret->address, sizeof ret->address);
        }
        if (l->cidrs.n > 0 && !http_cidr_contains(&l->cidrs, &a->sa))
                return -EACCES;
        if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) < 0)
                return -errno;
        return 0;
}

int http_listen_accept(struct http_listen *l, int *ret_fd, struct http_peer *ret_peer) {
        union sock_addr a = {};
        socklen_t size = sizeof a;
        int fd, r;

        do
                fd = accept4(l->fd, &a.sa, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
        if (fd < 0)
                return -errno;
        r = l->is_unix ? http_listen_peer_unix(fd, ret_peer)
                       : http_listen_peer_tcp(l, fd, &a, ret_peer);
        if (r < 0) {
                fileio_close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}
