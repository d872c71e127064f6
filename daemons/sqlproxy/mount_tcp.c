/* See mount_tcp.h. */
#include "daemons/sqlproxy/mount_tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "lib/net/listen_fds.h"
#include "lib/net/sock_addr.h"

#define BACKLOG 4096
#define KEEPALIVE_S 30
#define KEEPALIVE_PROBES 9
#define USER_TIMEOUT_MS 120000u

/* Accepted sockets inherit all of these. */
static void set_options(int fd) {
        unsigned timeout_ms = USER_TIMEOUT_MS;
        int on = 1, idle_s = KEEPALIVE_S, probes = KEEPALIVE_PROBES;

        (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        (void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
        (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle_s, sizeof idle_s);
        (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
        (void) setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
}

static int take_address(const char *text, uint16_t port, union sock_addr *ret,
                        socklen_t *ret_size) {
        *ret = (union sock_addr){};
        if (inet_pton(AF_INET, text, &ret->in.sin_addr) == 1) {
                ret->in.sin_family = AF_INET;
                ret->in.sin_port = htons(port);
                *ret_size = sizeof ret->in;
                return 0;
        }
        if (inet_pton(AF_INET6, text, &ret->in6.sin6_addr) != 1)
                return -EINVAL;
        ret->in6.sin6_family = AF_INET6;
        ret->in6.sin6_port = htons(port);
        *ret_size = sizeof ret->in6;
        return 0;
}

static void print_address(struct mount *m, const char *text, const union sock_addr *a) {
        bool is_v4 = a->sa.sa_family == AF_INET;

        snprintf(m->address, sizeof m->address, is_v4 ? "%s:%u" : "[%s]:%u", text,
                 ntohs(is_v4 ? a->in.sin_port : a->in6.sin6_port));
}

static int bind_here(int fd, const union sock_addr *a, socklen_t size) {
        int on = 1;

        set_options(fd);
        if (a->sa.sa_family == AF_INET6)
                (void) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        return bind(fd, &a->sa, size) < 0 || listen(fd, BACKLOG) < 0 ? -errno : 0;
}

int mount_tcp_open(struct mount *m, const char *address, uint16_t port, struct errmsg *em) {
        union sock_addr a;
        socklen_t size;
        int r;

        if (take_address(address, port, &a, &size) < 0)
                return errmsg_fail(em, -EINVAL, "not a valid IP address: \"%s\"", address);
        print_address(m, address, &a);
        m->fd = listen_fds_take(&a.sa, size);
        if (m->fd >= 0) {
                set_options(m->fd);
                return 0;
        }
        m->fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        r = m->fd < 0 ? -errno : bind_here(m->fd, &a, size);
        if (r < 0)
                return errmsg_errno(em, r, "listen tcp%c %s: bind",
                                    a.sa.sa_family == AF_INET ? '4' : '6', m->address);
        if (port == 0 && getsockname(m->fd, &a.sa, &size) == 0)
                print_address(m, address, &a);
        return 0;
}
