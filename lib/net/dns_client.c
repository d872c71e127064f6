/* Owns questions under way: each goes to the servers in turn, by UDP, each try with its own socket
 * (and so its own port) and number, until one answers or all have had their tries.
 *
 * States of a question: UDP → (TCP when the answer was cut) → over. */
#include "lib/net/dns_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/entropy.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/dns_conf.h"

#define DNS_CLIENT_FILE_MAX ((size_t) 1 << 20)
#define DNS_CLIENT_UDP_MAX 4096
#define DNS_CLIENT_TCP_MAX 65537

struct dns_client {
        struct loop *loop;
        char *resolv_conf, *hosts;
        struct dns_client_ask *asks;
};

struct dns_client_ask {
        struct dns_client *client;
        char *name;
        enum dns_type type;
        bool is_host; /* IPv6 is asked for when there is no IPv4 */
        bool is_tcp;
        struct dns_conf conf;
        unsigned n_tries;
        uint16_t id;
        int fd;
        struct loop_source *io, *timer, *over;
        uint8_t query[2 + DNS_MESSAGE_QUERY_MAX]; /* behind TCP's length */
        size_t query_size;
        uint8_t *answer; /* TCP: its length and it */
        size_t answer_len;
        char **texts; /* the result */
        int error;
        struct errmsg why;
        dns_client_fn *done;
        void *ctx;
        struct dns_client_ask *next, **prev;
};

int dns_client_new(struct loop *l, const char *resolv_conf, const char *hosts,
                   struct dns_client **ret) {
        struct dns_client *c = mem_new(struct dns_client);

        if (!c)
                return -ENOMEM;
        c->loop = l;
        c->resolv_conf = mem_strdup(resolv_conf ?: "/etc/resolv.conf");
        c->hosts = mem_strdup(hosts ?: "/etc/hosts");
        if (!c->resolv_conf || !c->hosts) {
                dns_client_free(c);
                return -ENOMEM;
        }
        *ret = c;
        return 0;
}

struct dns_client *dns_client_free(struct dns_client *c) {
        if (!c)
                return NULL;
        while (c->asks)
                dns_client_cancel(c->asks);
        mem_free(c->resolv_conf);
        mem_free(c->hosts);
        return mem_free(c);
}

/* --- a question's end ------------------------------------------------------------------------ */

static void dns_client_close(struct dns_client_ask *a) {
        a->io = loop_source_free(a->io);
        a->fd = fileio_close(a->fd);
        a->answer = mem_free(a->answer);
        a->answer_len = 0;
}

void dns_client_cancel(struct dns_client_ask *a) {
        if (!a)
                return;
        if (a->prev) {
                *a->prev = a->next;
                if (a->next)
                        a->next->prev = a->prev;
        }
        dns_client_close(a);
        loop_source_free(a->timer);
        loop_source_free(a->over);
        str_free_list(a->texts);
        mem_free(a->name);
        mem_free(a);
}

static int dns_client_on_over(struct loop_source *s, void *ctx) {
        struct dns_client_ask *a = ctx;

        a->done(a->ctx, a->error, a->texts, &a->why);
        dns_client_cancel(a);
        return 0;
}

/* done() is called from the loop, never from inside another call. */
static int dns_client_finish(struct dns_client_ask *a, int r) {
        a->error = r;
        dns_client_close(a);
        a->timer = loop_source_free(a->timer);
        return loop_defer(a->client->loop, dns_client_on_over, a, &a->over);
}

/* --- tries ----------------------------------------------------------------------------------- */

static int dns_client_try(struct dns_client_ask *a);

/* This try brought nothing. */
static int dns_client_failed(struct dns_client_ask *a, int r, const char *what) {
        const struct dns_conf_server *s = &a->conf.servers[(a->n_tries - 1) % a->conf.n_servers];

        errmsg_set(&a->why, "lookup %s on %s:%u: %s", a->name, s->address, s->port,
                   what ?: errmsg_strerror(r));
        dns_client_close(a);
        if (a->n_tries >= a->conf.n_attempts * a->conf.n_servers)
                return dns_client_finish(a, r);
        a->is_tcp = false;
        return dns_client_try(a);
}

static int dns_client_start_over(struct dns_client_ask *a, enum dns_type type) {
        dns_client_close(a);
        a->type = type;
        a->n_tries = 0;
        a->is_tcp = false;
        return dns_client_try(a);
}

static int dns_client_take(struct dns_client_ask *a, const uint8_t *data, size_t size) {
        int r = dns_message_parse(data, size, a->id, a->name, a->type, &a->texts);

        if (r == -EBADMSG && !a->is_tcp)
                return 0; /* not the answer: go on waiting for it */
        if (r == -EMSGSIZE && !a->is_tcp) {
                dns_client_close(a);
                a->is_tcp = true;
                a->n_tries--;
                return dns_client_try(a);
        }
        if (r < 0 && r != -ENOENT)
                return dns_client_failed(a, r, "server misbehaving");
        if (!a->texts && a->is_host && a->type == DNS_A && r == 0)
                return dns_client_start_over(a, DNS_AAAA);
        if (!a->texts)
                errmsg_set(&a->why, "lookup %s: no such host", a->name);
        return dns_client_finish(a, r);
}

static int dns_client_on_udp(struct dns_client_ask *a) {
        uint8_t data[DNS_CLIENT_UDP_MAX];
        ssize_t n = recv(a->fd, data, sizeof data, 0);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : dns_client_failed(a, -errno, NULL);
        return dns_client_take(a, data, (size_t) n);
}

/* Connected: the question leaves, and the answer may come. */
static int dns_client_on_connected(struct dns_client_ask *a) {
        socklen_t size = sizeof(int);
        int error = 0;

        if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0)
                return dns_client_failed(a, error ? -error : -EIO, NULL);
        a->query[0] = (uint8_t) (a->query_size >> 8);
        a->query[1] = (uint8_t) a->query_size;
        if (send(a->fd, a->query, a->query_size + 2, MSG_NOSIGNAL) != (ssize_t) (a->query_size + 2))
                return dns_client_failed(a, -EIO, NULL);
        a->answer = mem_alloc(DNS_CLIENT_TCP_MAX);
        if (!a->answer)
                return dns_client_finish(a, -ENOMEM);
        return loop_source_set_events(a->io, EPOLLIN);
}

static int dns_client_on_tcp(struct dns_client_ask *a) {
        ssize_t n = recv(a->fd, a->answer + a->answer_len, DNS_CLIENT_TCP_MAX - a->answer_len, 0);
        size_t size;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0)
                return dns_client_failed(a, n < 0 ? -errno : -ECONNRESET, NULL);
        a->answer_len += (size_t) n;
        if (a->answer_len < 2)
                return 0;
        size = (size_t) a->answer[0] << 8 | a->answer[1];
        return a->answer_len < size + 2 ? 0 : dns_client_take(a, a->answer + 2, size);
}

static int dns_client_on_io(struct loop_source *s, int fd, uint32_t revents, void *ctx) {
        struct dns_client_ask *a = ctx;

        if (!a->is_tcp)
                return dns_client_on_udp(a);
        return a->answer ? dns_client_on_tcp(a) : dns_client_on_connected(a);
}

static int dns_client_on_timer(struct loop_source *s, usec_t now, void *ctx) {
        return dns_client_failed(ctx, -ETIMEDOUT, "i/o timeout");
}

static int dns_client_connect(struct dns_client_ask *a, const struct dns_conf_server *s) {
        struct sockaddr_in sa4 = {.sin_family = AF_INET, .sin_port = htons(s->port)};
        struct sockaddr_in6 sa6 = {.sin6_family = AF_INET6, .sin6_port = htons(s->port)};
        bool is_v4 = inet_pton(AF_INET, s->address, &sa4.sin_addr) == 1;
        const struct sockaddr *sa = is_v4 ? (const void *) &sa4 : (const void *) &sa6;
        int type = (a->is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;

        if (!is_v4)
                (void) inet_pton(AF_INET6, s->address, &sa6.sin6_addr);
        a->fd = socket(sa->sa_family, type, 0);
        if (a->fd < 0)
                return -errno;
        if (connect(a->fd, sa, is_v4 ? sizeof sa4 : sizeof sa6) < 0 && errno != EINPROGRESS)
                return -errno;
        return loop_io(a->client->loop, a->fd, a->is_tcp ? EPOLLOUT : EPOLLIN, dns_client_on_io, a,
                       &a->io);
}

static int dns_client_try(struct dns_client_ask *a) {
        struct loop *l = a->client->loop;
        int r = entropy_fill(entropy_system(), &a->id, sizeof a->id);

        if (r >= 0)
                r = dns_message_query(a->id, a->name, a->type, a->query + 2, &a->query_size);
        if (r < 0) {
                errmsg_set(&a->why, "lookup %s: no such host", a->name);
                return dns_client_finish(a, r);
        }
        r = dns_client_connect(a, &a->conf.servers[a->n_tries++ % a->conf.n_servers]);
        if (r >= 0 && !a->is_tcp && send(a->fd, a->query + 2, a->query_size, MSG_NOSIGNAL) < 0)
                r = -errno;
        if (r < 0)
                return dns_client_failed(a, r, NULL);
        a->timer = loop_source_free(a->timer);
        return loop_timer_in(l, a->conf.timeout_for, 0, dns_client_on_timer, a, &a->timer);
}

/* --- asking ---------------------------------------------------------------------------------- */

static int dns_client_begin(struct dns_client *c, const char *name, enum dns_type type,
                            dns_client_fn *done, void *ctx, struct dns_client_ask **ret) {
        _cleanup_free_ char *text = NULL;
        struct dns_client_ask *a = mem_new(struct dns_client_ask);

        if (!a)
                return -ENOMEM;
        a->client = c;
        a->type = type;
        a->fd = -1;
        a->done = done;
        a->ctx = ctx;
        a->name = mem_strdup(name);
        if (!a->name) {
                mem_free(a);
                return -ENOMEM;
        }
        (void) fileio_read(c->resolv_conf, DNS_CLIENT_FILE_MAX, &text, NULL);
        dns_conf_parse(text ?: "", &a->conf);
        a->next = c->asks;
        a->prev = &c->asks;
        if (a->next)
                a->next->prev = &a->next;
        c->asks = a;
        *ret = a;
        return 0;
}

int dns_client_ask(struct dns_client *c, const char *name, enum dns_type type, dns_client_fn *done,
                   void *ctx, struct dns_client_ask **ret) {
        struct dns_client_ask *a;
        int r = dns_client_begin(c, name, type, done, ctx, &a);

        if (r >= 0) {
                r = dns_client_try(a);
                if (r < 0)
                        dns_client_cancel(a);
        }
        if (r >= 0)
                *ret = a;
        return r;
}

int dns_client_host(struct dns_client *c, const char *name, dns_client_fn *done, void *ctx,
                    struct dns_client_ask **ret) {
        _cleanup_free_ char *text = NULL;
        struct dns_client_ask *a;
        int r = dns_client_begin(c, name, DNS_A, done, ctx, &a);

        if (r < 0)
                return r;
        a->is_host = true;
        if (fileio_read(c->hosts, DNS_CLIENT_FILE_MAX, &text, NULL) >= 0)
                r = dns_conf_find_host(text, name, &a->texts);
        if (r >= 0)
                r = a->texts ? dns_client_finish(a, 0) : dns_client_try(a);
        if (r < 0) {
                dns_client_cancel(a);
                return r;
        }
        *ret = a;
        return 0;
}
