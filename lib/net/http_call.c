/* Owns nothing between calls: connect, write, read, close. */
#include "lib/net/http_call.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/fileio.h"
#include "lib/base/str.h"
#include "lib/net/http_response.h"
#include "lib/net/sock_addr.h"

#define HTTP_CALL_CONNECT_FOR (5 * USEC_PER_SEC)
#define HTTP_CALL_STALL_FOR (60 * USEC_PER_SEC)
#define HTTP_CALL_MAX_BODY ((size_t) 64 << 20)

/* Waits until fd is ready. 0, -ETIMEDOUT. */
static int http_call_wait(int fd, short events, usec_t for_usec) {
        const struct clock *clock = clock_system();
        usec_t until_at = for_usec == USEC_INFINITY ? USEC_INFINITY : clock_mono(clock) + for_usec;

        for (;;) {
                struct pollfd p = {.fd = fd, .events = events};
                usec_t now = clock_mono(clock);
                int timeout_ms = -1, n;

                if (until_at != USEC_INFINITY)
                        timeout_ms = now >= until_at
                                             ? 0
                                             : (int) MIN((until_at - now) / USEC_PER_MSEC + 1,
                                                         (usec_t) INT_MAX);
                n = poll(&p, 1, timeout_ms);
                if (n > 0)
                        return 0;
                if (n == 0)
                        return -ETIMEDOUT;
                if (errno != EINTR)
                        return -errno;
        }
}

static int http_call_parse(const char *address, union sock_addr *ret, socklen_t *ret_size) {
        const char *path = str_after(address, "unix:");

        if (!path)
                return sock_addr_parse_tcp(address, ret, ret_size);
        memset(ret, 0, sizeof *ret);
        ret->un.sun_family = AF_UNIX;
        *ret_size = sizeof ret->un;
        return str_copy(ret->un.sun_path, sizeof ret->un.sun_path, path);
}

static int http_call_connect(const struct http_call *c, int *ret_fd) {
        usec_t limit_for = c->connect_for ?: HTTP_CALL_CONNECT_FOR;
        _cleanup_close_ int fd = -1;
        union sock_addr a;
        socklen_t size, error_size = sizeof(int);
        int r, error = 0;

        r = http_call_parse(c->address, &a, &size);
        if (r >= 0)
                r = fault_at(FAULT_CONNECT);
        if (r < 0)
                return r;
        fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (a.sa.sa_family == AF_UNIX) {
                /* Blocks only while the backlog is full. */
                struct timeval tv = {.tv_sec = (time_t) (limit_for / USEC_PER_SEC) + 1};

                (void) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
        } else if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
                return -errno;
        }
        if (connect(fd, &a.sa, size) < 0) {
                if (errno == EAGAIN)
                        return -ETIMEDOUT;
                if (errno != EINPROGRESS && errno != EINTR)
                        return -errno;
                r = http_call_wait(fd, POLLOUT, limit_for);
                if (r < 0)
                        return r;
                if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size) < 0)
                        return -errno;
                if (error)
                        return -error;
        }
        if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* --- the request ----------------------------------------------------------------------------- */

static bool http_call_is_clean(const char *s) {
        return !s[strcspn(s, "\r\n")];
}

static int http_call_check(const struct http_call *c) {
        bool ok = http_call_is_clean(c->method ?: "") && http_call_is_clean(c->target ?: "") &&
                  !strchr(c->target ?: "", ' ') && http_call_is_clean(c->token ?: "") &&
                  http_call_is_clean(c->content_type ?: "");

        for (const char *const *h = c->headers; ok && h && *h; h++)
                ok = http_call_is_clean(*h);
        return ok ? 0 : -EINVAL;
}

static int http_call_head(const struct http_call *c, struct buf *out) {
        const char *method = c->method ?: c->body ? "POST" : "GET";
        const char *host = str_starts(c->address, "unix:") ? "localhost" : c->address;
        int r = http_call_check(c);

        if (r < 0)
                return r;
        buf_printf(out, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", method,
                   c->target ?: "/", host);
        if (c->token)
                buf_printf(out, "Authorization: Bearer %s\r\n", c->token);
        for (const char *const *h = c->headers; h && *h; h++)
                buf_printf(out, "%s\r\n", *h);
        if (c->body)
                buf_printf(out, "Content-Type: %s\r\n", c->content_type ?: "application/json");
        if (c->body || !(str_eq(method, "GET") || str_eq(method, "HEAD")))
                buf_printf(out, "Content-Length: %zu\r\n", c->body_size);
        return buf_add_lit(out, "\r\n");
}

/* A server may answer and close before it has read the whole body: -EPIPE then says to read on. */
static int http_call_send(const struct http_call *c, int fd, const struct buf *head) {
        struct iovec iov[2] = {{.iov_base = head->data, .iov_len = head->len},
                               {.iov_base = (void *) c->body, .iov_len = c->body_size}};
        usec_t stall_for = c->stall_for ?: HTTP_CALL_STALL_FOR;
        struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};

        while (iov[0].iov_len + iov[1].iov_len > 0) {
                ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL);
                int r;

                if (n < 0 && errno == EAGAIN) {
                        r = http_call_wait(fd, POLLOUT, stall_for);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (n < 0 && errno != EINTR)
                        return -errno;
                for (size_t i = 0; i < 2 && n > 0; i++) {
                        size_t k = MIN((size_t) n, iov[i].iov_len);

                        iov[i].iov_base = (char *) iov[i].iov_base + k;
                        iov[i].iov_len -= k;
                        n -= (ssize_t) k;
                }
        }
        return 0;
}

/* --- the answer ------------------------------------------------------------------------------ */

static int http_call_take(const struct http_call *c, struct http_response *resp, char *data,
                          size_t size, struct http_call_answer *a) {
        ssize_t n = http_response_head(resp, data, size);

        if (n < 0)
                return (int) n;
        if (!resp->has_head)
                return 0;
        data += n;
        n = http_response_body(resp, data, size - (size_t) n);
        if (n <= 0)
                return (int) n;
        if (c->chunk && resp->status < 300)
                return c->chunk(c->chunk_ctx, data, (size_t) n);
        if (a->body.len + (size_t) n > (c->max_body ?: HTTP_CALL_MAX_BODY))
                return -EFBIG;
        return buf_add(&a->body, data, (size_t) n);
}

static int http_call_receive(const struct http_call *c, int fd, struct http_response *resp,
                             struct http_call_answer *a) {
        usec_t stall_for = c->stall_for ?: HTTP_CALL_STALL_FOR;
        char data[16384];

        while (!resp->is_complete) {
                ssize_t n = recv(fd, data, sizeof data, 0);
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        r = http_call_wait(fd, POLLIN, stall_for);
                else if (n < 0)
                        return -errno;
                else if (n == 0)
                        return http_response_eof(resp);
                else
                        r = http_call_take(c, resp, data, (size_t) n, a);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int http_call_exchange(const struct http_call *c, struct http_response *resp,
                              struct http_call_answer *a) {
        _cleanup_buf_ struct buf head = {};
        _cleanup_close_ int fd = -1;
        int r, sent;

        r = http_call_head(c, &head);
        if (r >= 0)
                r = http_call_connect(c, &fd);
        if (r < 0)
                return r;
        sent = http_call_send(c, fd, &head);
        if (sent < 0 && sent != -EPIPE && sent != -ECONNRESET)
                return sent;
        r = http_call_receive(c, fd, resp, a);
        return r == -ECONNRESET && sent < 0 ? sent : r;
}

static void http_call_explain(const struct http_call *c, int r, struct errmsg *em) {
        switch (r) {
        case -ENOENT:
        case -ECONNREFUSED:
                errmsg_set(em, "nobody answers at %s: is the daemon running? (onebox status)",
                           c->address);
                break;
        case -EACCES:
                errmsg_set(em,
                           "no permission to connect to %s: join the group that owns the socket",
                           c->address);
                break;
        case -ETIMEDOUT:
                errmsg_set(em, "%s does not answer in time: %s", c->address, c->target ?: "/");
                break;
        case -EPROTO:
                errmsg_set(em, "%s does not speak HTTP: is the address right?", c->address);
                break;
        case -EFBIG:
                errmsg_set(em, "the answer of %s to %s is too large", c->address, c->target ?: "/");
                break;
        default:
                errmsg_errno(em, r, "the call of %s at %s broke", c->target ?: "/", c->address);
        }
}

int http_call(const struct http_call *c, struct http_call_answer *ret, struct errmsg *em) {
        struct http_call_answer a = {};
        struct http_response resp;
        const char *type;
        int r;

        http_response_init(&resp, c->method && str_eq(c->method, "HEAD"));
        r = http_call_exchange(c, &resp, &a);
        if (r < 0) {
                http_call_explain(c, r, em);
                http_call_answer_done(&a);
        } else {
                a.status = resp.status;
                type = http_response_header(&resp, "Content-Type");
                if (type)
                        (void) str_copy(a.content_type, sizeof a.content_type, type);
                *ret = a;
        }
        http_response_done(&resp);
        return r;
}

void http_call_answer_done(struct http_call_answer *a) {
        buf_done(&a->body);
}
