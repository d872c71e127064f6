/* Owns the connections: each is in `idle` or, while a call has it, in `busy`. One thread at a time
 * touches a connection; http_direct_stop() shuts the sockets of the busy ones, under the lock,
 * which also guards their leaving: a descriptor in `busy` is open. */
#include "lib/net/http_direct.h"

#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/net/http_easy.h"
#include "lib/net/http_response.h"

#define HTTP_DIRECT_CONNECTIONS 32
#define HTTP_DIRECT_CONNECT_FOR (10 * USEC_PER_SEC)
#define HTTP_DIRECT_STALL_FOR (10 * USEC_PER_SEC)
#define HTTP_DIRECT_IDLE_FOR (30 * USEC_PER_SEC)
#define HTTP_DIRECT_FIRST 2048 /* bytes received with the head: those of the body are copied */
/* So many bytes are worth waking up for, more while they come at once; near the end all are: what
 * TLS holds back of a record and wraps around it is less than HTTP_DIRECT_TAIL. */
#define HTTP_DIRECT_BITE ((uint64_t) 128 << 10)
#define HTTP_DIRECT_BITE_MAX ((uint64_t) 1 << 20)
#define HTTP_DIRECT_AT_ONCE_FOR (1 * USEC_PER_MSEC)
#define HTTP_DIRECT_LONG_FOR (4 * USEC_PER_MSEC)
#define HTTP_DIRECT_TAIL ((uint64_t) 20 << 10)

struct http_direct_conn {
        struct http_direct *pool;
        CURL *easy;
        int fd; /* -1: not connected yet */
        int low_water;
        uint64_t bite;
        usec_t used_at;
        struct http_direct_conn *next;
};

struct http_direct {
        char *origin, *host, *ca_file;
        bool is_tls;
        bool is_plain; /* what the socket brings is HTTP, whatever the environment's proxies */
        struct http_direct_options o; /* its strings are not used */
        pthread_mutex_t lock;
        struct http_direct_conn *idle, *busy;
        unsigned n;
        atomic_bool stopping;
        usec_t paused_until;
};

/* Goes on during a suspend: no server keeps a connection through that. */
static usec_t http_direct_now(void) {
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return (usec_t) t.tv_sec * USEC_PER_SEC + (usec_t) t.tv_nsec / 1000;
}

/* --- connections ----------------------------------------------------------------------------- */

static struct http_direct_conn *http_direct_conn_free(struct http_direct_conn *c) {
        if (c && c->easy)
                curl_easy_cleanup(c->easy);
        return mem_free(c);
}
DEFINE_CLEANUP(struct http_direct_conn *, http_direct_conn_free)

static int http_direct_on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c,
                                   curl_off_t d) {
        return ((struct http_direct *) ctx)->stopping;
}

/* The first failure sticks. */
#define HTTP_DIRECT_SET(c, option, value)                                      \
        do {                                                                   \
                if (code == CURLE_OK)                                          \
                        code = curl_easy_setopt((c)->easy, (option), (value)); \
        } while (0)

static int http_direct_connect(struct http_direct *d, struct http_direct_conn *c) {
        curl_socket_t fd = CURL_SOCKET_BAD;
        CURLcode code;

        c->easy = curl_easy_init();
        if (!c->easy)
                return -ENOMEM;
        code = http_easy_set_target(c->easy, d->origin, NULL, d->ca_file);
        HTTP_DIRECT_SET(c, CURLOPT_CONNECT_ONLY, 1L);
        /* curl_easy_recv() gives no more than this at a time; by itself that is 16 KiB. */
        HTTP_DIRECT_SET(c, CURLOPT_BUFFERSIZE, (long) HTTP_DIRECT_BITE);
        HTTP_DIRECT_SET(c, CURLOPT_HTTPPROXYTUNNEL, 1L);
        HTTP_DIRECT_SET(c, CURLOPT_CONNECTTIMEOUT_MS, (long) (d->o.connect_for / USEC_PER_MSEC));
        HTTP_DIRECT_SET(c, CURLOPT_NOPROGRESS, 0L);
        HTTP_DIRECT_SET(c, CURLOPT_XFERINFOFUNCTION, http_direct_on_progress);
        HTTP_DIRECT_SET(c, CURLOPT_XFERINFODATA, d);
        if (code == CURLE_OK)
                code = curl_easy_perform(c->easy);
        if (code == CURLE_OK)
                code = curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd);
        if (code != CURLE_OK)
                return http_easy_errno(code);
        if (fd == CURL_SOCKET_BAD)
                return -ECONNREFUSED;
        pthread_mutex_lock(&d->lock);
        c->fd = (int) fd;
        c->low_water = 1;
        c->bite = HTTP_DIRECT_BITE;
        pthread_mutex_unlock(&d->lock);
        return d->stopping ? -ECANCELED : 0;
}

/* A server that closed it said so meanwhile; nothing else may have come. */
static bool http_direct_is_alive(const struct http_direct_conn *c, usec_t now) {
        char byte;

        return now - c->used_at < c->pool->o.idle_for &&
               recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* Under the lock: those that are of no use any more are taken out, to be closed without it. */
static struct http_direct_conn *http_direct_weed(struct http_direct *d, usec_t now) {
        struct http_direct_conn *weeds = NULL;

        for (struct http_direct_conn **at = &d->idle; *at;) {
                struct http_direct_conn *c = *at;

                if (now - c->used_at < d->o.idle_for) {
                        at = &c->next;
                        continue;
                }
                *at = c->next;
                c->next = weeds;
                weeds = c;
                d->n--;
        }
        return weeds;
}

static void http_direct_close_all(struct http_direct_conn *c) {
        while (c) {
                struct http_direct_conn *next = c->next;

                http_direct_conn_free(c);
                c = next;
        }
}

void http_direct_trim(struct http_direct *d) {
        struct http_direct_conn *weeds;

        pthread_mutex_lock(&d->lock);
        weeds = http_direct_weed(d, http_direct_now());
        pthread_mutex_unlock(&d->lock);
        http_direct_close_all(weeds);
}

/* One for a call: its fd < 0: it is to be connected. fresh: none that was used before. */
static int http_direct_take(struct http_direct *d, bool fresh, struct http_direct_conn **ret) {
        usec_t now = http_direct_now();
        struct http_direct_conn *c = NULL, *weeds;
        int r = 0;

        pthread_mutex_lock(&d->lock);
        weeds = http_direct_weed(d, now);
        if (d->stopping) {
                r = -ECANCELED;
        } else if (d->idle && (!fresh || d->n >= d->o.n_connections)) {
                c = d->idle;
                d->idle = c->next;
        } else if (d->n >= d->o.n_connections) {
                r = -EBUSY;
        } else if (now < d->paused_until) {
                r = -EAGAIN;
        } else if (!(c = mem_new(struct http_direct_conn))) {
                r = -ENOMEM;
        } else {
                c->pool = d;
                c->fd = -1;
                d->n++;
        }
        if (c) {
                c->next = d->busy;
                d->busy = c;
        }
        pthread_mutex_unlock(&d->lock);
        http_direct_close_all(weeds);
        if (r >= 0)
                *ret = c;
        return r;
}

/* After a call: to be used again, or closed. */
static void http_direct_give(struct http_direct *d, struct http_direct_conn *c, bool keep) {
        struct http_direct_conn **at;

        pthread_mutex_lock(&d->lock);
        for (at = &d->busy; *at != c;)
                at = &(*at)->next;
        *at = c->next;
        c->next = NULL;
        if (c->fd < 0)
                d->paused_until = http_direct_now() + HTTP_DIRECT_PAUSE_FOR;
        keep = keep && !d->stopping;
        if (keep) {
                c->used_at = http_direct_now();
                c->next = d->idle;
                d->idle = c;
        } else {
                d->n--;
        }
        pthread_mutex_unlock(&d->lock);
        if (!keep)
                http_direct_conn_free(c);
}

/* --- bytes ----------------------------------------------------------------------------------- */

/* 0: ready; -ETIMEDOUT: nothing for stall_for; -ECANCELED. */
static int http_direct_wait(struct http_direct_conn *c, short events) {
        struct pollfd p = {.fd = c->fd, .events = events};
        int r;

        do
                r = poll(&p, 1, (int) (c->pool->o.stall_for / USEC_PER_MSEC));
        while (r < 0 && errno == EINTR && !c->pool->stopping);
        if (c->pool->stopping)
                return -ECANCELED;
        return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

static int http_direct_send(struct http_direct_conn *c, const char *data, size_t n) {
        while (n > 0) {
                size_t part = 0;
                CURLcode code = curl_easy_send(c->easy, data, n, &part);
                int r = code == CURLE_AGAIN ? http_direct_wait(c, POLLOUT) : http_easy_errno(code);

                if (r < 0)
                        return r;
                data += part;
                n -= part;
        }
        return 0;
}

static void http_direct_low_water(struct http_direct_conn *c, int n) {
        if (n != c->low_water && setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n)) == 0)
                c->low_water = n;
}

/* What is there. -EAGAIN: nothing yet. */
static ssize_t http_direct_recv_now(struct http_direct_conn *c, struct iovec *v, size_t n_pieces) {
        struct msghdr msg = {.msg_iov = v, .msg_iovlen = n_pieces};
        CURLcode code;
        size_t n = 0;
        ssize_t k;

        if (!c->pool->is_plain) {
                code = curl_easy_recv(c->easy, v->iov_base, v->iov_len, &n);
                return code == CURLE_OK      ? (ssize_t) n
                       : code == CURLE_AGAIN ? -EAGAIN
                                             : http_easy_errno(code);
        }
        do
                k = recvmsg(c->fd, &msg, MSG_DONTWAIT);
        while (k < 0 && errno == EINTR);
        return k >= 0 ? k : errno == EAGAIN ? -EAGAIN : -ECONNRESET;
}

/* The faster they come, the more at a time. */
static void http_direct_fit_bite(struct http_direct_conn *c, usec_t waited_for) {
        if (waited_for < HTTP_DIRECT_AT_ONCE_FOR)
                c->bite = MIN(c->bite * 2, HTTP_DIRECT_BITE_MAX);
        else if (waited_for > HTTP_DIRECT_LONG_FOR)
                c->bite = HTTP_DIRECT_BITE;
}

/* > 0 bytes, 0: the end of the connection. left: how many are to come, all told. */
static ssize_t http_direct_recv(struct http_direct_conn *c, struct iovec *v, size_t n_pieces,
                                uint64_t left) {
        bool was_slow = false;

        for (;;) {
                ssize_t n = http_direct_recv_now(c, v, n_pieces);
                usec_t began_at;
                int r;

                if (n != -EAGAIN)
                        return n;
                if (c->pool->stopping)
                        return -ECANCELED;
                http_direct_low_water(c, left > HTTP_DIRECT_TAIL
                                                 ? (int) MIN(left - HTTP_DIRECT_TAIL, c->bite)
                                                 : 1);
                began_at = http_direct_now();
                r = http_direct_wait(c, POLLIN);
                if (left > c->bite)
                        http_direct_fit_bite(c, http_direct_now() - began_at);
                /* Less than a bite came in all that time: that is not nothing. */
                if (r == -ETIMEDOUT && c->low_water > 1 && !was_slow)
                        was_slow = true;
                else if (r < 0)
                        return r;
        }
}

/* --- calls ----------------------------------------------------------------------------------- */

static int http_direct_print(const struct http_direct *d, const struct http_direct_request *r,
                             struct buf *ret) {
        if (r->target[strcspn(r->target, " \r\n")])
                return -EINVAL;
        buf_printf(ret, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\n", r->target, d->host);
        if (r->token)
                buf_printf(ret, "Authorization: Bearer %s\r\n", r->token);
        for (const char *const *h = r->headers; h && *h; h++) {
                if ((*h)[strcspn(*h, "\r\n")])
                        return -EINVAL;
                buf_printf(ret, "%s\r\n", *h);
        }
        buf_add_str(ret, "\r\n");
        return buf_error(ret);
}

/* Bytes that came with the head. */
static int http_direct_put(const struct http_direct_request *r, const char *data, size_t n,
                           struct http_direct_answer *ret) {
        while (n > 0) {
                struct iovec room;
                size_t part;
                int x;

                if (r->rooms(r->ctx, &room, 1) == 0)
                        return -EMSGSIZE;
                part = MIN(n, room.iov_len);
                memcpy(room.iov_base, data, part);
                x = r->took(r->ctx, part);
                if (x < 0)
                        return x;
                ret->n_received += part;
                data += part;
                n -= part;
        }
        return 0;
}

/* Where as many as `left` bytes go. curl fills one place at a time. */
static size_t http_direct_rooms(const struct http_direct_conn *c,
                                const struct http_direct_request *r, uint64_t left,
                                struct iovec rooms[HTTP_DIRECT_PIECES]) {
        size_t n = r->rooms(r->ctx, rooms, c->pool->is_plain ? HTTP_DIRECT_PIECES : 1);

        for (size_t i = 0; i < n; i++) {
                rooms[i].iov_len = (size_t) MIN((uint64_t) rooms[i].iov_len, left);
                left -= rooms[i].iov_len;
                if (left == 0)
                        return i + 1;
        }
        return n;
}

/* TLS gives a record at a time, which is little: what else is there comes along. */
static size_t http_direct_more(struct http_direct_conn *c, char *data, size_t size) {
        size_t n = 0, part;

        while (c->pool->is_tls && n < size &&
               curl_easy_recv(c->easy, data + n, size - n, &part) == CURLE_OK && part > 0)
                n += part;
        return n;
}

static int http_direct_body(struct http_direct_conn *c, const struct http_direct_request *r,
                            struct http_direct_answer *ret) {
        while (ret->n_received < r->n_wanted) {
                uint64_t left = r->n_wanted - ret->n_received;
                struct iovec rooms[HTTP_DIRECT_PIECES];
                size_t n_rooms = http_direct_rooms(c, r, left, rooms);
                ssize_t n;
                int x;

                if (n_rooms == 0)
                        return -EMSGSIZE;
                n = http_direct_recv(c, rooms, n_rooms, left);
                if (n <= 0)
                        return n < 0 ? (int) n : -ECONNRESET;
                n += (ssize_t) http_direct_more(c, (char *) rooms[0].iov_base + n,
                                                rooms[0].iov_len - (size_t) n);
                x = r->took(r->ctx, (size_t) n);
                if (x < 0)
                        return x;
                ret->n_received += (uint64_t) n;
        }
        return 0;
}

/* The head, and what of the body came with it. */
static int http_direct_head(struct http_direct_conn *c, const struct http_direct_request *r,
                            struct http_response *head, struct http_direct_answer *ret) {
        while (!head->has_head) {
                char first[HTTP_DIRECT_FIRST];
                struct iovec v = {first, sizeof(first)};
                ssize_t n = http_direct_recv(c, &v, 1, 0), of_head;

                if (n <= 0)
                        return n < 0 ? (int) n : -ECONNRESET;
                of_head = http_response_head(head, first, (size_t) n);
                if (of_head < 0)
                        return (int) of_head;
                if (!head->has_head)
                        continue;
                ret->status = head->status;
                if (head->status != (r->is_range ? 206 : 200) ||
                    http_response_length(head) != (int64_t) r->n_wanted)
                        return 1;
                if ((uint64_t) (n - of_head) > r->n_wanted)
                        return -EPROTO;
                return http_direct_put(r, first + of_head, (size_t) (n - of_head), ret);
        }
        return 0;
}

static int http_direct_exchange(struct http_direct_conn *c, const struct http_direct_request *r,
                                const struct buf *text, struct http_direct_answer *ret,
                                bool *ret_keep) {
        struct http_response head;
        int x = http_direct_send(c, text->data, text->len);

        if (x < 0)
                return x;
        http_response_init(&head, false);
        http_direct_low_water(c, 1);
        x = http_direct_head(c, r, &head, ret);
        if (x == 0)
                x = http_direct_body(c, r, ret);
        *ret_keep = x == 0 && head.keep_alive;
        http_response_done(&head);
        return x;
}

int http_direct_get(struct http_direct *d, const struct http_direct_request *r,
                    struct http_direct_answer *ret) {
        _cleanup_buf_ struct buf text = {};
        usec_t began_at = http_direct_now();
        bool again = false;
        int x;

        *ret = (struct http_direct_answer){};
        x = http_direct_print(d, r, &text);
        if (x < 0)
                return x;
        do {
                struct http_direct_conn *c;
                bool keep = false, was_used;

                x = http_direct_take(d, again, &c);
                if (x < 0)
                        break;
                was_used = c->fd >= 0;
                if (was_used && !http_direct_is_alive(c, http_direct_now()))
                        x = -ECONNRESET;
                else if (!was_used)
                        x = http_direct_connect(d, c);
                if (x >= 0)
                        x = http_direct_exchange(c, r, &text, ret, &keep);
                http_direct_give(d, c, keep);
                /* The server closed it just then: that is no failure, once. */
                again = x == -ECONNRESET && was_used && ret->status == 0 && !again;
        } while (again);
        ret->took_for = http_direct_now() - began_at;
        if (r->token)
                explicit_bzero(text.data, text.len);
        return d->stopping && x < 0 ? -ECANCELED : x;
}

/* --- making and freeing ---------------------------------------------------------------------- */

void http_direct_stop(struct http_direct *d) {
        pthread_mutex_lock(&d->lock);
        d->stopping = true;
        for (struct http_direct_conn *c = d->busy; c; c = c->next)
                if (c->fd >= 0)
                        (void) shutdown(c->fd, SHUT_RDWR);
        pthread_mutex_unlock(&d->lock);
}

int http_direct_new(const struct http_direct_options *o, struct http_direct **ret) {
        _cleanup_(http_direct_freep) struct http_direct *d = NULL;
        const char *host = strstr(o->origin, "://");

        if (!host || host[3 + strcspn(host + 3, "/?#@ \r\n")])
                return -EINVAL;
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return -ENOMEM;
        d = mem_new(struct http_direct);
        if (!d) {
                curl_global_cleanup();
                return -ENOMEM;
        }
        pthread_mutex_init(&d->lock, NULL);
        d->o = *o;
        d->o.n_connections = o->n_connections ?: HTTP_DIRECT_CONNECTIONS;
        d->o.connect_for = o->connect_for ?: HTTP_DIRECT_CONNECT_FOR;
        d->o.stall_for = o->stall_for ?: HTTP_DIRECT_STALL_FOR;
        d->o.idle_for = o->idle_for ?: HTTP_DIRECT_IDLE_FOR;
        d->is_tls = str_starts(o->origin, "https://");
        d->is_plain = http_easy_is_plain(o->origin);
        d->origin = mem_strdup(o->origin);
        d->host = mem_strdup(host + 3);
        if (!d->origin || !d->host || (o->ca_file && !(d->ca_file = mem_strdup(o->ca_file))))
                return -ENOMEM;
        *ret = TAKE_PTR(d);
        return 0;
}

struct http_direct *http_direct_free(struct http_direct *d) {
        if (!d)
                return NULL;
        http_direct_close_all(d->idle);
        pthread_mutex_destroy(&d->lock);
        mem_free(d->origin);
        mem_free(d->host);
        mem_free(d->ca_file);
        mem_free(d);
        curl_global_cleanup();
        return NULL;
}
