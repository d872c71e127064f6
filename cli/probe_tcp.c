/* probe_tcp: is somebody there? A TCP connection, and what an SSH server says first. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/probe.h"
#include "lib/base/clock.h"
#include "lib/base/str.h"

/* 0, -ETIMEDOUT or -errno. */
static int wait_for(int fd, short events, usec_t until) {
        struct pollfd p = {.fd = fd, .events = events};

        for (;;) {
                usec_t now = clock_mono(clock_system());
                int r = now >= until ? 0 : poll(&p, 1, (int) ((until - now) / USEC_PER_MSEC) + 1);

                if (r > 0)
                        return 0;
                if (r == 0)
                        return -ETIMEDOUT;
                if (errno != EINTR)
                        return -errno;
        }
}

static int connect_one(const struct addrinfo *ai, usec_t until, int *ret_fd) {
        int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
        socklen_t len = sizeof(error);
        int r;

        if (fd < 0)
                return -errno;
        r = connect(fd, ai->ai_addr, ai->ai_addrlen) < 0 ? -errno : 0;
        if (r == -EINPROGRESS) {
                r = wait_for(fd, POLLOUT, until);
                if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0)
                        r = -error;
        }
        if (r < 0) {
                close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

static int connect_any(struct probe *p, usec_t until, int *ret_fd) {
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
        struct addrinfo *list, *one;
        char port[8];
        int r;

        if (!p->host || p->port == 0)
                return errmsg_fail(&p->em, -EINVAL,
                                   "connections of type \"%s\" are tested by a TCP connection, and "
                                   "this one has no %s",
                                   p->type, p->host ? "port" : "host");
        snprintf(port, sizeof(port), "%d", p->port);
        r = getaddrinfo(p->host, port, &hints, &list);
        if (r != 0)
                return errmsg_fail(&p->em, -EHOSTUNREACH, "the host \"%s\" is not known: %s",
                                   p->host, gai_strerror(r));
        r = -EHOSTUNREACH;
        for (one = list; one && r < 0; one = one->ai_next)
                r = connect_one(one, until, ret_fd);
        freeaddrinfo(list);
        return r < 0 ? errmsg_errno(&p->em, r, "%s port %d cannot be reached", p->host, p->port)
                     : 0;
}

int probe_tcp(struct probe *p) {
        int fd = -1, r = connect_any(p, clock_mono(clock_system()) + PROBE_FOR, &fd);

        if (r < 0)
                return r;
        close(fd);
        errmsg_set(&p->em, "%s port %d takes connections%s", p->host, p->port,
                   p->login || p->password ? "; the login was not tried" : "");
        return 0;
}

/* The first line; the server may say others before it (RFC 4253, 4.2). */
static int read_banner(int fd, usec_t until, char *ret, size_t size) {
        char text[4096] = "";
        size_t n = 0;

        while (n < sizeof(text) - 1) {
                const char *line = str_starts(text, "SSH-") ? text : strstr(text, "\nSSH-");
                ssize_t k;
                int r;

                if (line && strchr(line + 1, '\n')) {
                        line += *line == '\n';
                        snprintf(ret, size, "%.*s", (int) strcspn(line, "\r\n"), line);
                        return 0;
                }
                r = wait_for(fd, POLLIN, until);
                if (r < 0)
                        return r;
                k = read(fd, text + n, sizeof(text) - 1 - n);
                if (k <= 0)
                        return k < 0 ? -errno : -EPROTO;
                n += (size_t) k;
                text[n] = 0;
        }
        return -EPROTO;
}

int probe_tcp_ssh(struct probe *p) {
        usec_t until = clock_mono(clock_system()) + PROBE_FOR;
        char banner[128];
        int fd = -1, r = connect_any(p, until, &fd);

        if (r < 0)
                return r;
        r = read_banner(fd, until, banner, sizeof(banner));
        close(fd);
        if (r < 0)
                return errmsg_errno(&p->em, r, "%s port %d is no SSH server", p->host, p->port);
        errmsg_set(&p->em, "%s port %d answers as %s; the login was not tried", p->host, p->port,
                   banner);
        return 0;
}
