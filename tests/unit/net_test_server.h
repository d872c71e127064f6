/* net_test_server.h: a real server on its own thread, raw sockets to talk to it, cmocka. */
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/net/http_server.h"
#include "tests/unit/net_test_cmocka.h"

struct net_test {
        /* set before net_test_start() */
        struct http_server_options options;
        struct http_listen_options listen_options;
        const struct http_route *rows;
        size_t n_rows;
        const char *address;                  /* NULL = 127.0.0.1:0 */
        int (*setup)(struct net_test *t);     /* on the server's thread, before it runs */
        void (*teardown)(struct net_test *t); /* on the server's thread, after the server is gone */
        /* set by it */
        struct loop *loop;
        struct http_server *server;
        uint16_t port;
        char bound[128];
        struct errmsg em;
        int result;
        pthread_t thread;
        sem_t ready;
        void *data; /* the test's own */
};

static void *net_test_main(void *arg) {
        struct net_test *t = arg;
        struct http_listen *l = NULL;

        t->result = loop_new(&t->loop);
        if (t->result >= 0 && t->setup)
                t->result = t->setup(t);
        t->options.loop = t->loop;
        if (t->result >= 0)
                t->result = http_server_new(&t->options, t->rows, t->n_rows, &t->server, &t->em);
        if (t->result >= 0)
                t->result = http_listen_open(t->address ?: "127.0.0.1:0", &t->listen_options, &l,
                                             &t->em);
        if (t->result >= 0) {
                t->port = http_listen_port(l);
                snprintf(t->bound, sizeof t->bound, "%s", http_listen_address(l));
                t->result = http_server_listen(t->server, l);
        }
        sem_post(&t->ready);
        if (t->result >= 0)
                t->result = loop_run(t->loop);
        t->server = http_server_free(t->server);
        if (t->teardown)
                t->teardown(t);
        loop_free(t->loop);
        return NULL;
}

static inline _unused_ void net_test_start(struct net_test *t) {
        sem_init(&t->ready, 0, 0);
        assert_int_equal(pthread_create(&t->thread, NULL, net_test_main, t), 0);
        sem_wait(&t->ready);
        if (t->result < 0)
                fail_msg("server: %s (%d)", t->em.text, t->result);
}

static void net_test_quit(void *arg) {
        struct net_test *t = arg;

        loop_quit(t->loop, 0);
}

static inline _unused_ void net_test_stop(struct net_test *t) {
        assert_int_equal(loop_post(t->loop, net_test_quit, t), 0);
        pthread_join(t->thread, NULL);
        sem_destroy(&t->ready);
        assert_int_equal(t->result, 0);
}

/* For cmocka: a server with these rows that has little patience, in *state. */
static inline _unused_ int net_test_setup(void **state, const struct http_route *rows,
                                          size_t n_rows) {
        struct net_test *t = calloc(1, sizeof *t);

        assert_non_null(t);
        t->rows = rows;
        t->n_rows = n_rows;
        t->options.idle_for = 2 * USEC_PER_SEC;
        t->options.stall_for = 2 * USEC_PER_SEC;
        net_test_start(t);
        *state = t;
        return 0;
}

static inline _unused_ int net_test_teardown(void **state) {
        net_test_stop(*state);
        free(*state);
        return 0;
}

static inline _unused_ int net_test_connect(const struct net_test *t) {
        int fd;

        if (t->port > 0) {
                struct sockaddr_in a = {.sin_family = AF_INET,
                                        .sin_port = htons(t->port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                assert_int_equal(connect(fd, (struct sockaddr *) &a, sizeof a), 0);
        } else {
                struct sockaddr_un a = {.sun_family = AF_UNIX};

                snprintf(a.sun_path, sizeof a.sun_path, "%s", t->bound + strlen("unix:"));
                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                assert_int_equal(connect(fd, (struct sockaddr *) &a, sizeof a), 0);
        }
        return fd;
}

static inline _unused_ void net_test_send_n(int fd, const void *data, size_t size) {
        const char *p = data;

        while (size > 0) {
                ssize_t n = send(fd, p, size, MSG_NOSIGNAL);

                assert_true(n > 0);
                p += n;
                size -= (size_t) n;
        }
}

static inline _unused_ void net_test_send(int fd, const char *text) {
        net_test_send_n(fd, text, strlen(text));
}

/* One more read into b: false at the end or when nothing came for timeout_ms. */
static inline _unused_ bool net_test_more(int fd, struct buf *b, int timeout_ms) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        char chunk[16384];
        ssize_t n;

        if (poll(&p, 1, timeout_ms) != 1)
                return false;
        n = recv(fd, chunk, sizeof chunk, 0);
        if (n <= 0)
                return false;
        buf_add(b, chunk, (size_t) n);
        return true;
}

struct net_test_answer {
        int status;
        char *head, *body; /* in text */
        size_t body_size;
        struct buf text;
};

/* Where the value of a header begins; NULL when there is none. */
static inline _unused_ const char *net_test_header(const struct net_test_answer *a,
                                                   const char *name) {
        static _Thread_local char value[512];
        const char *p = a->head;
        size_t n = strlen(name);

        while ((p = strstr(p, "\r\n"))) {
                p += 2;
                if (strncasecmp(p, name, n) == 0 && p[n] == ':') {
                        snprintf(value, sizeof value, "%.*s", (int) strcspn(p + n + 2, "\r\n"),
                                 p + n + 2);
                        return value;
                }
        }
        return NULL;
}

/* Takes bytes up to and with `end` from the connection. */
static inline _unused_ size_t net_test_until(int fd, struct buf *rest, const char *end) {
        for (;;) {
                char *p = rest->data ? memmem(rest->data, rest->len, end, strlen(end)) : NULL;

                if (p)
                        return (size_t) (p - rest->data) + strlen(end);
                if (!net_test_more(fd, rest, 20000))
                        fail_msg("the answer breaks off: \"%s\"", buf_cstr(rest));
        }
}

static inline _unused_ void net_test_take(struct buf *rest, size_t n, struct buf *to) {
        assert_true(rest->len >= n);
        buf_add(to, rest->data, n);
        buf_consume(rest, n);
}

/* Appends the decoded chunks to `to`. */
static inline _unused_ void net_test_read_chunks(int fd, struct buf *rest, struct buf *to) {
        for (;;) {
                size_t line = net_test_until(fd, rest, "\r\n");
                size_t n = strtoul(rest->data, NULL, 16);

                buf_consume(rest, line);
                while (rest->len < n + 2)
                        assert_true(net_test_more(fd, rest, 20000));
                net_test_take(rest, n, to);
                buf_consume(rest, 2);
                if (n == 0)
                        return;
        }
}

/* Reads one whole answer by Content-Length, chunks or the end; *rest keeps what follows it. */
static inline _unused_ void net_test_read(int fd, struct buf *rest, bool head_only,
                                          struct net_test_answer *ret) {
        const char *length;
        size_t head_size;

        *ret = (struct net_test_answer){};
        head_size = net_test_until(fd, rest, "\r\n\r\n");
        net_test_take(rest, head_size, &ret->text);
        ret->head = ret->text.data;
        ret->status = atoi(ret->head + strlen("HTTP/1.1 "));
        length = net_test_header(ret, "Content-Length");
        if (head_only || ret->status == 204 || ret->status == 304 || ret->status == 100) {
                ret->body_size = 0;
        } else if (length) {
                size_t size = strtoul(length, NULL, 10);

                while (rest->len < size)
                        assert_true(net_test_more(fd, rest, 20000));
                net_test_take(rest, size, &ret->text);
        } else if (net_test_header(ret, "Transfer-Encoding")) {
                net_test_read_chunks(fd, rest, &ret->text);
        } else {
                while (net_test_more(fd, rest, 20000))
                        ;
                net_test_take(rest, rest->len, &ret->text);
        }
        ret->head = ret->text.data;
        ret->body = ret->text.data + head_size;
        ret->body_size = ret->text.len - head_size;
}

/* Sends text on a new connection and reads the answer. */
static inline _unused_ struct net_test_answer net_test_ask(const struct net_test *t,
                                                           const char *text) {
        struct net_test_answer a;
        struct buf rest = {};
        int fd = net_test_connect(t);

        net_test_send(fd, text);
        net_test_read(fd, &rest, strncmp(text, "HEAD ", 5) == 0, &a);
        buf_done(&rest);
        close(fd);
        return a;
}

static inline _unused_ void net_test_answer_done(struct net_test_answer *a) {
        buf_done(&a->text);
}

/* Asks and checks status and body in one line. */
static inline _unused_ void net_test_expect(const struct net_test *t, const char *text, int status,
                                            const char *body) {
        struct net_test_answer a = net_test_ask(t, text);

        assert_int_equal(a.status, status);
        if (body)
                assert_string_equal(a.body, body);
        net_test_answer_done(&a);
}

static inline _unused_ usec_t net_test_now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}

/* Waits until a counter reaches n: progress of another thread, bounded by 20 s. */
static inline _unused_ void net_test_wait_for(atomic_uint *counter, unsigned n) {
        usec_t until = net_test_now() + 20 * USEC_PER_SEC;

        while (atomic_load(counter) < n && net_test_now() < until)
                usleep(1000);
        assert_true(atomic_load(counter) >= n);
}
