#include "tests/bench/bench_sqlproxy_relay.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 128 * 1024, RECORD = 16384, ON_WIRE = 16406, FDS_MAX = 16384 };

/* By each of its two descriptors. */
struct pair {
        SSL *tls;
        int client, server;
};

static struct pair *pairs[FDS_MAX];
static char buf[CHUNK];
static int epoll_fd;

static _Noreturn void die(const char *why) {
        fprintf(stderr, "bench_sqlproxy relay: %s: %s\n", why, strerror(errno));
        exit(1);
}

static SSL_CTX *make_context(const char *crt, const char *ca) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

        if (!ctx || SSL_CTX_use_certificate_file(ctx, crt, SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_use_PrivateKey_file(ctx, crt, SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1)
                die(crt);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
        SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256");
        SSL_CTX_set_mode(ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_read_ahead(ctx, 1);
        SSL_CTX_set_default_read_buffer_len(ctx, (size_t) CHUNK / RECORD * ON_WIRE + 64);
        return ctx;
}

static void watch(int fd) {
        struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

        if (fd >= FDS_MAX || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
                die("epoll");
}

static void close_pair(struct pair *p) {
        SSL_free(p->tls);
        pairs[p->client] = pairs[p->server] = NULL;
        close(p->client);
        close(p->server);
        free(p);
}

static void take(int listener, SSL_CTX *ctx, const struct sockaddr_in *to) {
        struct pair *p = calloc(1, sizeof(*p));
        int on = 1;

        if (!p)
                die("memory");
        p->client = accept(listener, NULL, NULL);
        p->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        p->tls = SSL_new(ctx);
        if (p->client < 0 || p->server < 0 || !p->tls ||
            connect(p->server, (const struct sockaddr *) to, sizeof(*to)) < 0)
                die("cannot connect");
        setsockopt(p->client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(p->server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        SSL_set_fd(p->tls, p->server);
        if (SSL_connect(p->tls) != 1)
                die("handshake");
        fcntl(p->server, F_SETFL, O_NONBLOCK);
        watch(p->client);
        watch(p->server);
        pairs[p->client] = pairs[p->server] = p;
}

/* False: the pair is over. */
static bool send_plain(const struct pair *p, size_t size) {
        ssize_t n;

        for (size_t at = 0; at < size; at += (size_t) n) {
                n = send(p->client, buf + at, size - at, MSG_NOSIGNAL);
                if (n <= 0)
                        return false;
        }
        return true;
}

static bool from_server(const struct pair *p) {
        size_t have;
        int n;

        do {
                n = 1;
                for (have = 0; have < CHUNK && n > 0; have += n > 0 ? (size_t) n : 0)
                        n = SSL_read(p->tls, buf + have, (int) (CHUNK - have));
                if (have > 0 && !send_plain(p, have))
                        return false;
                if (n <= 0)
                        return SSL_get_error(p->tls, n) == SSL_ERROR_WANT_READ;
        } while (have == CHUNK);
        return true;
}

static bool send_secret(const struct pair *p, size_t size) {
        struct pollfd until = {.fd = p->server, .events = POLLOUT};
        int n;

        for (size_t at = 0; at<size; at += n> 0 ? (size_t) n : 0) {
                size_t most = size - at < RECORD ? size - at : RECORD;

                n = SSL_write(p->tls, buf + at, (int) most);
                if (n > 0)
                        continue;
                if (SSL_get_error(p->tls, n) != SSL_ERROR_WANT_WRITE)
                        return false;
                poll(&until, 1, -1);
        }
        return true;
}

static bool from_client(const struct pair *p) {
        ssize_t n;

        do {
                n = recv(p->client, buf, sizeof(buf), MSG_DONTWAIT);
                if (n < 0)
                        return errno == EAGAIN;
                if (n == 0 || !send_secret(p, (size_t) n))
                        return false;
        } while (n == CHUNK);
        return true;
}

_Noreturn void bench_sqlproxy_relay(const struct sockaddr_in *at, const struct sockaddr_in *to,
                                    const char *crt, const char *ca) {
        SSL_CTX *ctx = make_context(crt, ca);
        struct epoll_event evs[64];
        int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

        epoll_fd = epoll_create1(0);
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (bind(fd, (const struct sockaddr *) at, sizeof(*at)) < 0 || listen(fd, 4096) < 0)
                die("cannot listen");
        watch(fd);
        puts("listening");
        fflush(stdout);
        for (;;) {
                int n = epoll_wait(epoll_fd, evs, 64, -1);

                for (int i = 0; i < n; i++) {
                        struct pair *p = pairs[evs[i].data.fd];

                        if (evs[i].data.fd == fd)
                                take(fd, ctx, to);
                        else if (p &&
                                 !(evs[i].data.fd == p->client ? from_client(p) : from_server(p)))
                                close_pair(p);
                }
        }
}
