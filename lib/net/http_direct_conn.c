/* Each connection is made by curl: names, proxies, TLS and authorities are as everywhere. */
#include "lib/net/http_direct_conn.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "lib/base/mem.h"
#include "lib/net/http_easy.h"

/* So many bytes are worth waking up for, more while they come at once; near the end all are: what
 * TLS holds back of a record and wraps around it is less than HTTP_DIRECT_CONN_TAIL. */
#define HTTP_DIRECT_CONN_BITE ((uint64_t) 128 << 10)
#define HTTP_DIRECT_CONN_BITE_MAX ((uint64_t) 1 << 20)
#define HTTP_DIRECT_CONN_AT_ONCE_FOR (1 * USEC_PER_MSEC)
#define HTTP_DIRECT_CONN_LONG_FOR (4 * USEC_PER_MSEC)
#define HTTP_DIRECT_CONN_TAIL ((uint64_t) 20 << 10)

usec_t http_direct_conn_now(void) {
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

static int http_direct_conn_on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c,
                                        curl_off_t d) {
        const struct http_direct *pool = ctx;

        return pool->stopping || (pool->o.gives_up && pool->o.gives_up());
}

/* The first failure sticks. */
#define HTTP_DIRECT_CONN_SET(c, option, value)                                 \
        do {                                                                   \
                if (code == CURLE_OK)                                          \
                        code = curl_easy_setopt((c)->easy, (option), (value)); \
        } while (0)

static int http_direct_conn_connect(struct http_direct *d, struct http_direct_conn *c) {
        curl_socket_t fd = CURL_SOCKET_BAD;
        CURLcode code;

        c->easy = curl_easy_init();
        if (!c->easy)
                return -ENOMEM;
        code = http_easy_set_target(c->easy, d->origin, NULL, d->ca_file);
        HTTP_DIRECT_CONN_SET(c, CURLOPT_CONNECT_ONLY, 1L);
        /* curl_easy_recv() gives no more than this at a time; by itself that is 16 KiB. */
        HTTP_DIRECT_CONN_SET(c, CURLOPT_BUFFERSIZE, (long) HTTP_DIRECT_CONN_BITE);
        HTTP_DIRECT_CONN_SET(c, CURLOPT_HTTPPROXYTUNNEL, 1L);
        HTTP_DIRECT_CONN_SET(c, CURLOPT_CONNECTTIMEOUT_MS,
                             (long) (d->o.connect_for / USEC_PER_MSEC));
        HTTP_DIRECT_CONN_SET(c, CURLOPT_NOPROGRESS, 0L);
        HTTP_DIRECT_CONN_SET(c, CURLOPT_XFERINFOFUNCTION, http_direct_conn_on_progress);
        HTTP_DIRECT_CONN_SET(c, CURLOPT_XFERINFODATA, d);
        if (code == CURLE_OK)
                code = curl_easy_perform(c->easy);
        if (code == CURLE_OK)
                code = curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd);
        if (code == CURLE_ABORTED_BY_CALLBACK)
                return d->stopping ? -ECANCELED : -EINTR;
        if (code != CURLE_OK)
                return http_easy_errno(code);
        if (fd == CURL_SOCKET_BAD)
                return -ECONNREFUSED;
        pthread_mutex_lock(&d->lock);
        c->fd = (int) fd;
        c->low_water = 1;
        c->bite = HTTP_DIRECT_CONN_BITE;
        pthread_mutex_unlock(&d->lock);
        return d->stopping ? -ECANCELED : 0;
}

/* A server that closed it said so meanwhile; nothing else may have come. */
static bool http_direct_conn_is_alive(const struct http_direct_conn *c, usec_t now) {
        char byte;

        return now - c->used_at < c->pool->o.idle_for &&
               recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

struct http_direct_conn *http_direct_conn_weed(struct http_direct *d, usec_t now) {
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

void http_direct_conn_close_all(struct http_direct_conn *c) {
        while (c) {
                struct http_direct_conn *next = c->next;

                http_direct_conn_free(c);
                c = next;
        }
}

int http_direct_conn_take(struct http_direct *d, bool fresh, struct http_direct_conn **ret) {
        usec_t now = http_direct_conn_now();
        struct http_direct_conn *c = NULL, *weeds;
        int r = 0;

        pthread_mutex_lock(&d->lock);
        weeds = http_direct_conn_weed(d, now);
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
        http_direct_conn_close_all(weeds);
        if (r >= 0)
                *ret = c;
        return r;
}

int http_direct_conn_ready(struct http_direct_conn *c) {
        c->stall_for = c->pool->o.stall_for;
        if (c->fd < 0)
                return http_direct_conn_connect(c->pool, c);
        return http_direct_conn_is_alive(c, http_direct_conn_now()) ? 0 : -ECONNRESET;
}

void http_direct_conn_give(struct http_direct_conn *c, bool keep) {
        struct http_direct *d = c->pool;
        struct http_direct_conn **at;

        pthread_mutex_lock(&d->lock);
        for (at = &d->busy; *at != c;)
                at = &(*at)->next;
        *at = c->next;
        c->next = NULL;
        if (c->fd < 0)
                d->paused_until = http_direct_conn_now() + HTTP_DIRECT_PAUSE_FOR;
        keep = keep && !d->stopping;
        if (keep) {
                c->used_at = http_direct_conn_now();
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

/* > 0: what it is ready for; -ETIMEDOUT: nothing for stall_for; -ECANCELED, -EINTR. */
static int http_direct_conn_wait(struct http_direct_conn *c, short events) {
        const struct http_direct *pool = c->pool;
        struct pollfd p = {.fd = c->fd, .events = events};
        usec_t left_for = c->stall_for;

        for (;;) {
                usec_t part_for =
                        pool->o.gives_up ? MIN(left_for, (usec_t) HTTP_DIRECT_LOOK_FOR) : left_for;
                int r = poll(&p, 1, (int) (part_for / USEC_PER_MSEC));

                if (pool->stopping)
                        return -ECANCELED;
                if (r > 0)
                        return p.revents;
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (pool->o.gives_up && pool->o.gives_up())
                        return -EINTR;
                left_for -= r == 0 ? part_for : 0;
                if (left_for < USEC_PER_MSEC)
                        return -ETIMEDOUT;
        }
}

void http_direct_conn_low_water(struct http_direct_conn *c, int n) {
        if (n != c->low_water && setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n)) == 0)
                c->low_water = n;
}

/* What is there. -EAGAIN: nothing yet. */
static ssize_t http_direct_conn_recv_now(struct http_direct_conn *c, struct iovec *v,
                                         size_t n_pieces) {
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

/* So many of the bytes went. */
static void http_direct_conn_skip(struct iovec **v, size_t *n_pieces, size_t n) {
        while (*n_pieces > 0 && n >= (*v)->iov_len) {
                n -= (*v)->iov_len;
                ++*v;
                --*n_pieces;
        }
        if (n > 0) {
                (*v)->iov_base = (char *) (*v)->iov_base + n;
                (*v)->iov_len -= n;
        }
}

/* What goes at once. -EAGAIN: nothing does. */
static ssize_t http_direct_conn_send_now(struct http_direct_conn *c, struct iovec *v,
                                         size_t n_pieces) {
        struct msghdr msg = {.msg_iov = v, .msg_iovlen = MIN(n_pieces, (size_t) IOV_MAX)};
        CURLcode code;
        size_t n = 0;
        ssize_t k;

        if (!c->pool->is_plain) {
                code = curl_easy_send(c->easy, v->iov_base, v->iov_len, &n);
                return code == CURLE_OK      ? (ssize_t) n
                       : code == CURLE_AGAIN ? -EAGAIN
                                             : http_easy_errno(code);
        }
        do
                k = sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (k < 0 && errno == EINTR);
        return k >= 0 ? k : errno == EAGAIN ? -EAGAIN : -ECONNRESET;
}

/* The socket is readable: 1: by the answer; 0: TLS had something to say to itself. */
static int http_direct_conn_look(struct http_direct_conn *c, struct http_direct_conn_early *early) {
        struct iovec v = {early->data, sizeof(early->data)};
        ssize_t n = http_direct_conn_recv_now(c, &v, 1);

        if (n == -EAGAIN)
                return 0;
        if (n <= 0)
                return n < 0 ? (int) n : -ECONNRESET;
        early->n = (size_t) n;
        return 1;
}

int http_direct_conn_send(struct http_direct_conn *c, struct iovec *v, size_t n,
                          struct http_direct_conn_early *early) {
        http_direct_conn_skip(&v, &n, 0);
        while (n > 0) {
                ssize_t k = http_direct_conn_send_now(c, v, n);
                int r = 0;

                if (k >= 0) {
                        http_direct_conn_skip(&v, &n, (size_t) k);
                } else if (k == -EAGAIN) {
                        r = http_direct_conn_wait(c, early ? POLLOUT | POLLIN : POLLOUT);
                        if (r > 0)
                                r = early && (r & POLLIN) ? http_direct_conn_look(c, early) : 0;
                } else {
                        /* Refused by an answer that was sent before it hung up? */
                        r = early && http_direct_conn_look(c, early) > 0 ? 1 : (int) k;
                }
                if (r != 0)
                        return r;
        }
        return 0;
}

/* The faster they come, the more at a time. */
static void http_direct_conn_fit_bite(struct http_direct_conn *c, usec_t waited_for) {
        if (waited_for < HTTP_DIRECT_CONN_AT_ONCE_FOR)
                c->bite = MIN(c->bite * 2, HTTP_DIRECT_CONN_BITE_MAX);
        else if (waited_for > HTTP_DIRECT_CONN_LONG_FOR)
                c->bite = HTTP_DIRECT_CONN_BITE;
}

/* > 0 bytes, 0: the end of the connection. left: how many are to come, all told. */
ssize_t http_direct_conn_recv(struct http_direct_conn *c, struct iovec *v, size_t n_pieces,
                              uint64_t left) {
        bool was_slow = false;

        for (;;) {
                ssize_t n = http_direct_conn_recv_now(c, v, n_pieces);
                usec_t began_at;
                int r;

                if (n != -EAGAIN)
                        return n;
                if (c->pool->stopping)
                        return -ECANCELED;
                http_direct_conn_low_water(
                        c, left > HTTP_DIRECT_CONN_TAIL
                                   ? (int) MIN(left - HTTP_DIRECT_CONN_TAIL, c->bite)
                                   : 1);
                began_at = http_direct_conn_now();
                r = http_direct_conn_wait(c, POLLIN);
                if (left > c->bite)
                        http_direct_conn_fit_bite(c, http_direct_conn_now() - began_at);
                /* Less than a bite came in all that time: that is not nothing. */
                if (r == -ETIMEDOUT && c->low_water > 1 && !was_slow)
                        was_slow = true;
                else if (r < 0)
                        return r;
        }
}

/* --- words ----------------------------------------------------------------------------------- */

int http_direct_conn_print(const struct http_direct *d, const char *method, const char *target,
                           const char *token, const char *const *headers, struct buf *ret) {
        if (target[strcspn(target, " \r\n")])
                return -EINVAL;
        buf_printf(ret, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\n", method, target, d->host);
        if (token)
                buf_printf(ret, "Authorization: Bearer %s\r\n", token);
        for (const char *const *h = headers; h && *h; h++) {
                if ((*h)[strcspn(*h, "\r\n")])
                        return -EINVAL;
                buf_printf(ret, "%s\r\n", *h);
        }
        return buf_error(ret);
}
