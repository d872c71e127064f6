/* Owns the way of a link to its instance: identity, address, connect, proxy, handshake. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemons/sqlproxy/link.h"
#include "daemons/sqlproxy/proxy_log.h"
#include "daemons/sqlproxy/worker.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define KEEPALIVE_S 30
#define KEEPALIVE_PROBES 9
/* Sent bytes that stay unacknowledged so long mean that the other end is gone. */
#define USER_TIMEOUT_MS 120000u

static void connect_next(struct link *l);

static const char *shown_name(const struct link *l, char text[CONN_NAME_TEXT_MAX]) {
        return conn_name_print(&l->mount->instance->cn, text);
}

/* The server's side goes; the client and its bytes stay. */
static void drop_server(struct link *l) {
        worker_ask(l->worker, &l->server, 0);
        l->tls = tls_mutual_conn_free(l->tls);
        l->server.fd = fileio_close(l->server.fd);
        l->server.is_hung_up = false;
}

static void give_up(struct link *l, int r, const struct errmsg *em) {
        struct instance *i = l->mount->instance;

        atomic_fetch_add(&i->counters.n_dial_failures, 1);
        if (l->is_probe) {
                link_tell_probe(l, r, em);
        } else {
                proxy_log_error("[%s] failed to connect to instance: %s", i->name, em->text);
        }
        link_close(l);
}

/* --- failures -------------------------------------------------------------------------------- */

bool link_dial_again(struct link *l, int r, const struct errmsg *em) {
        struct instance *i = l->mount->instance;

        if (l->was_retried || l->has_spoken || !l->identity)
                return false;
        if (!l->dial)
                l->dial = mem_new(struct link_dial);
        if (!l->dial)
                return false;
        proxy_log_debug("[%s] trying once more with a new certificate: %s", i->name, em->text);
        if (l->state == LINK_OPEN) {
                atomic_fetch_sub(&i->counters.n_open, 1);
                l->deadline_at = l->worker->now_at + LINK_DIAL_FOR;
                worker_ask(l->worker, &l->client, 0);
        }
        l->was_retried = true;
        l->has_mdx_sent = false;
        l->mdx = (struct mdx_filter){};
        l->dial->why = *em;
        l->dial->error = r;
        l->ticket = (struct instance_ticket){.newer_than = l->identity->serial};
        l->identity = identity_unref(l->identity);
        drop_server(l);
        link_move(l, LINK_WAITING);
        link_dial_go(l);
        return true;
}

void link_dial_fail(struct link *l, int r, const struct errmsg *em) {
        struct errmsg kept = *em;

        instance_report(l->mount->instance, r, &kept, NULL, 0);
        if (!link_dial_again(l, r, &kept))
                give_up(l, r, &kept);
}

void link_dial_timeout(struct link *l) {
        struct errmsg em = l->dial->why;
        char name[CONN_NAME_TEXT_MAX];

        if (!em.text[0])
                errmsg_set(&em, "%s",
                           l->state == LINK_WAITING ? "context deadline exceeded" : "i/o timeout");
        if (l->state != LINK_WAITING && !str_starts(em.text, "dial error:"))
                errmsg_prefix(&em, "dial error: failed to dial (connection name = \"%s\")",
                              shown_name(l, name));
        instance_report(l->mount->instance, -ETIMEDOUT, &em, NULL, 0);
        give_up(l, -ETIMEDOUT, &em);
}

/* This host does not work: the next one, or the whole dial has failed. */
static void host_failed(struct link *l, int r, const char *fmt, ...) _printf_(3, 4);
static void host_failed(struct link *l, int r, const char *fmt, ...) {
        char name[CONN_NAME_TEXT_MAX];
        struct errmsg em;
        va_list ap;

        va_start(ap, fmt);
        errmsg_vset(&em, fmt, ap);
        va_end(ap);
        errmsg_prefix(&em, "dial error: failed to dial (connection name = \"%s\")",
                      shown_name(l, name));
        l->dial->why = em;
        l->dial->error = r;
        drop_server(l);
        l->n_host++;
        connect_next(l);
}

/* --- handshake ------------------------------------------------------------------------------- */

static void opened(struct link *l) {
        usec_t took_for = l->worker->now_at - l->began_at;

        instance_report(l->mount->instance, 0, NULL, tls_mutual_conn_cipher(l->tls), took_for);
        if (l->is_probe) {
                link_tell_probe(l, 0, NULL);
                (void) tls_mutual_conn_end(l->tls);
                link_close(l);
                return;
        }
        l->dial = mem_free(l->dial);
        link_move(l, LINK_OPEN);
        atomic_fetch_add(&l->mount->instance->counters.n_open, 1);
        proxy_log_debug("[%s] dial successful", l->mount->instance->name);
        link_pump_start(l);
}

static void shake(struct link *l) {
        char name[CONN_NAME_TEXT_MAX];
        struct errmsg em = {};
        uint32_t events;
        int r;

        r = tls_mutual_conn_flush(l->tls);
        if (r == 0)
                r = tls_mutual_conn_handshake(l->tls, &em);
        events = EPOLLIN | (tls_mutual_conn_unsent(l->tls) ? EPOLLOUT : 0);
        if (r == -EAGAIN)
                r = worker_ask(l->worker, &l->server, events);
        else if (r == 0)
                return opened(l);
        if (r < 0) {
                if (!em.text[0])
                        errmsg_set(&em, "%s", errmsg_strerror(r));
                errmsg_prefix(&em, "dial error: handshake failed (connection name = \"%s\")",
                              shown_name(l, name));
                link_dial_fail(l, r, &em);
        }
}

static void shake_start(struct link *l) {
        int r = tls_mutual_conn_new(l->identity->tls, l->server.fd, &l->tls);

        if (r < 0) {
                struct errmsg em = {};

                errmsg_errno(&em, r, "cannot start TLS");
                give_up(l, r, &em);
                return;
        }
        link_move(l, LINK_SHAKING);
        shake(l);
}

/* --- proxy ----------------------------------------------------------------------------------- */

static const char *host_now(const struct link *l) {
        struct errmsg em;
        char *const *hosts =
                identity_hosts(l->identity, l->mount->path, l->mount->instance->name, &em);

        return hosts ? hosts[l->n_host] : NULL;
}

/* The messages are a few bytes on a fresh connection: they fit, or something is wrong. */
static int send_all(int fd, const struct buf *b) {
        ssize_t n = send(fd, b->data, b->len, MSG_NOSIGNAL);

        return n < 0 ? -errno : (size_t) n < b->len ? -EIO : 0;
}

static void proxy_start(struct link *l) {
        _cleanup_buf_ struct buf out = {};
        struct dataplane *d = l->worker->dataplane;
        int r = socks_begin(&l->dial->socks, &d->socks, host_now(l), DATAPLANE_PORT, &out);

        if (r >= 0)
                r = send_all(l->server.fd, &out);
        if (r >= 0) {
                link_move(l, LINK_PROXYING);
                r = worker_ask(l->worker, &l->server, EPOLLIN);
        }
        if (r < 0)
                host_failed(l, r, "socks connect: %s", errmsg_strerror(r));
}

static void proxy_event(struct link *l) {
        _cleanup_buf_ struct buf out = {};
        struct errmsg em = {};
        uint8_t data[64];
        ssize_t n = recv(l->server.fd, data, sizeof data, 0);
        int r;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0)
                r = n < 0 ? -errno : -ECONNRESET;
        else
                r = socks_feed(&l->dial->socks, data, (size_t) n, &out, &em);
        if (r == 1 && out.len > 0)
                r = send_all(l->server.fd, &out) < 0 ? -EIO : 1;
        if (r < 0)
                host_failed(l, r, "socks connect tcp %s:%d->%s:%d: %s",
                            l->worker->dataplane->socks.host, l->worker->dataplane->socks.port,
                            host_now(l), DATAPLANE_PORT, em.text[0] ? em.text : errmsg_strerror(r));
        else if (r == 0)
                shake_start(l);
}

/* --- connect --------------------------------------------------------------------------------- */

static bool take_address(const char *host, uint16_t port, struct sockaddr_storage *ret,
                         socklen_t *ret_size) {
        struct sockaddr_in *sa4 = (struct sockaddr_in *) ret;
        struct sockaddr_in6 *sa6 = (struct sockaddr_in6 *) ret;

        memset(ret, 0, sizeof *ret);
        if (inet_pton(AF_INET, host, &sa4->sin_addr) == 1) {
                sa4->sin_family = AF_INET;
                sa4->sin_port = htons(port);
                *ret_size = sizeof *sa4;
                return true;
        }
        if (inet_pton(AF_INET6, host, &sa6->sin6_addr) == 1) {
                sa6->sin6_family = AF_INET6;
                sa6->sin6_port = htons(port);
                *ret_size = sizeof *sa6;
                return true;
        }
        return false;
}

/* What keeps a silent connection honest; a failure costs nothing but that. */
static void set_options(int fd) {
        unsigned timeout_ms = USER_TIMEOUT_MS;
        int on = 1, idle_s = KEEPALIVE_S, probes = KEEPALIVE_PROBES;

        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
        (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle_s, sizeof idle_s);
        (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
        (void) setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
}

static int start_connect(struct link *l, const char *host, uint16_t port) {
        struct sockaddr_storage sa;
        socklen_t size;
        int r;

        if (!take_address(host, port, &sa, &size))
                return -EHOSTUNREACH;
        l->server.fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (l->server.fd < 0)
                return -errno;
        set_options(l->server.fd);
        r = connect(l->server.fd, (struct sockaddr *) &sa, size);
        if (r < 0 && errno != EINPROGRESS)
                return -errno;
        link_move(l, LINK_CONNECTING);
        return worker_ask(l->worker, &l->server, EPOLLOUT);
}

static void connect_next(struct link *l) {
        const struct dataplane *d = l->worker->dataplane;
        struct errmsg em = l->dial->why;
        const char *host;
        int r;

        if (!identity_hosts(l->identity, l->mount->path, l->mount->instance->name, &em)) {
                give_up(l, -ENOENT, &em);
                return;
        }
        host = host_now(l);
        if (!host) {
                link_dial_fail(l, l->dial->error ?: -EHOSTUNREACH, &em);
                return;
        }
        l->dial->is_socks = d->has_socks && !socks_is_direct(d->no_proxy, host);
        proxy_log_debug("[%s] Dialing %s:%d", l->mount->instance->name, host, DATAPLANE_PORT);
        if (l->dial->is_socks)
                r = start_connect(l, d->socks.host, d->socks.port);
        else
                r = start_connect(l, host, DATAPLANE_PORT);
        if (r == -EHOSTUNREACH && l->server.fd < 0)
                host_failed(l, r, "dial tcp: lookup %s: no such host", host);
        else if (r < 0)
                host_failed(l, r, "dial tcp %s:%d: connect: %s", host, DATAPLANE_PORT,
                            errmsg_strerror(r));
}

static void connected(struct link *l) {
        struct sockaddr_storage sa;
        socklen_t size = sizeof(int), sa_size = sizeof sa;
        int error = 0;

        if (getsockopt(l->server.fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                error = errno;
        /* An event of the socket that was dropped before, in the same turn. */
        if (error == 0 && getpeername(l->server.fd, (struct sockaddr *) &sa, &sa_size) < 0)
                return;
        if (error == 0)
                return l->dial->is_socks ? proxy_start(l) : shake_start(l);
        host_failed(l, -error, "dial tcp %s:%d: connect: %s", host_now(l), DATAPLANE_PORT,
                    errmsg_strerror(error));
}

/* --- from outside ---------------------------------------------------------------------------- */

void link_dial_go(struct link *l) {
        struct errmsg em = {};
        int r;

        r = instance_take(l->mount->instance, &l->ticket, &l->identity, &em);
        if (r == 1)
                return;
        if (r < 0) {
                /* On the second try what went wrong with the first says more. */
                if (l->was_retried && l->dial->why.text[0])
                        em = l->dial->why;
                give_up(l, r, &em);
                return;
        }
        l->n_host = 0;
        connect_next(l);
}

void link_dial_event(struct link *l, uint32_t revents) {
        switch (l->state) {
        case LINK_CONNECTING:
                connected(l);
                break;
        case LINK_PROXYING:
                proxy_event(l);
                break;
        case LINK_SHAKING:
                tls_mutual_conn_ready(l->tls);
                shake(l);
                break;
        default:
                break;
        }
}
