/* Calls over a Unix socket: against our server, and against one that misbehaves. */
#include "tests/unit/net_test_server.h"

#include <stdatomic.h>

#include "lib/base/fault.h"
#include "lib/net/http_ask.h"

static atomic_uint n_echoes;

static int echo(struct http_request *req) {
        char *text = arena_printf(
                req->arena, "%s|%s|%s|%zu|%.20s", req->method_name, http_request_content_type(req),
                http_request_header(req, "Authorization") ?: "-", req->body_size, req->body);

        atomic_fetch_add(&n_echoes, 1);
        return text ? http_request_reply_text(req, 200, text) : -ENOMEM;
}

static ssize_t silent_pull(void *ctx, char *data, size_t size) {
        return 0;
}

static void silent_gone(void *ctx) {
}

static int silent(struct http_request *req) {
        struct http_request_stream s = {.pull = silent_pull, .gone = silent_gone, .size = -1};

        return http_request_reply_stream(req, 200, "application/x", &s, NULL);
}

static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_ANY, "/echo", echo, 0, 0, .max_body = 8 << 20),
        HTTP_ROUTE(HTTP_GET, "/silent", silent, 0, 0),
};

struct fixture {
        struct net_test server;
        char dir[32], address[64];
        struct loop *loop;
        struct http_ask *ask;
        unsigned n_left;
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof *f);

        strcpy(f->dir, "/tmp/http_ask.XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(f->address, sizeof f->address, "unix:%s/s", f->dir);
        f->server.rows = rows;
        f->server.n_rows = ARRAY_SIZE(rows);
        f->server.address = f->address;
        net_test_start(&f->server);
        assert_int_equal(loop_new(&f->loop), 0);
        assert_int_equal(http_ask_new(f->loop, f->address + strlen("unix:"), 4, &f->ask), 0);
        assert_string_equal(http_ask_path(f->ask), f->address + strlen("unix:"));
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;
        char command[64];

        http_ask_free(f->ask);
        loop_free(f->loop);
        net_test_stop(&f->server);
        snprintf(command, sizeof command, "rm -r %s", f->dir);
        assert_int_equal(system(command), 0);
        free(f);
        return 0;
}

struct call {
        unsigned *n_left;
        int error, status;
        char body[128];
        size_t body_size;
        unsigned n_done;
        /* asked in its done(), when set */
        struct http_ask *ask;
        struct http_ask_request next;
        struct http_ask_call *cancels;
        struct http_ask_call *call;
};

static void on_done(void *ctx, const struct http_ask_answer *a) {
        struct call *c = ctx;

        c->n_done++;
        c->error = a->error;
        c->status = a->status;
        c->body_size = a->body->len;
        snprintf(c->body, sizeof c->body, "%s", buf_cstr(a->body));
        if (c->cancels) {
                http_ask_cancel(c->cancels);
                c->cancels = NULL;
                --*c->n_left;
        }
        if (c->ask) {
                struct http_ask *ask = c->ask;

                c->ask = NULL;
                ++*c->n_left;
                assert_int_equal(http_ask_start(ask, &c->next, NULL), 0);
        }
        --*c->n_left;
}

static void start(struct fixture *f, struct call *c, struct http_ask_request r) {
        *c = (struct call){.n_left = &f->n_left};
        f->n_left++;
        r.done = on_done;
        r.ctx = c;
        assert_int_equal(http_ask_start(f->ask, &r, &c->call), 0);
        assert_int_equal(c->n_done, 0);
}

static void wait_all(struct fixture *f) {
        while (f->n_left > 0)
                assert_true(loop_turn(f->loop, 20 * USEC_PER_SEC) > 0);
}

/* More than there are connections: all get their turn, on few connections. */
static void test_many(void **state) {
        struct fixture *f = *state;
        static struct call calls[100];

        for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
                start(f, &calls[i],
                      (struct http_ask_request){.target = "/echo",
                                                .token = "t",
                                                .body = i % 2 ? NULL : "{}",
                                                .body_size = i % 2 ? 0 : 2});
        wait_all(f);
        for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
                assert_int_equal(calls[i].error, 0);
                assert_int_equal(calls[i].status, 200);
                assert_string_equal(calls[i].body, i % 2 ? "GET||Bearer t|0|"
                                                         : "POST|application/json|Bearer t|2|{}");
        }
}

/* Over a connection that is there a call leaves at once: it arrives though the loop does not turn.
 */
static void test_at_once(void **state) {
        struct fixture *f = *state;
        struct call first, second, third;
        unsigned n;

        start(f, &first, (struct http_ask_request){.target = "/echo"});
        wait_all(f);
        n = atomic_load(&n_echoes);
        start(f, &second, (struct http_ask_request){.target = "/echo"});
        while (atomic_load(&n_echoes) == n)
                usleep(100);
        start(f, &third, (struct http_ask_request){.target = "/echo"}); /* has a turn: a new one */
        wait_all(f);
        assert_int_equal(second.status, 200);
        assert_int_equal(third.status, 200);
}

/* A body larger than the socket's buffers leaves in pieces. */
static void test_large(void **state) {
        struct fixture *f = *state;
        size_t size = 4 << 20;
        char *body = malloc(size);
        struct call c;

        memset(body, 'x', size);
        start(f, &c,
              (struct http_ask_request){.target = "/echo",
                                        .method = "PUT",
                                        .content_type = "text/plain",
                                        .body = body,
                                        .body_size = size});
        free(body); /* it was copied */
        wait_all(f);
        assert_int_equal(c.error, 0);
        assert_string_equal(c.body, "PUT|text/plain|-|4194304|xxxxxxxxxxxxxxxxxxxx");
}

static void test_limits(void **state) {
        struct fixture *f = *state;
        struct call big, late, waits[4], head;

        start(f, &big, (struct http_ask_request){.target = "/echo", .max_body = 4});
        start(f, &head, (struct http_ask_request){.target = "/echo", .method = "HEAD"});
        wait_all(f);
        assert_int_equal(big.error, -EFBIG);
        assert_int_equal(head.error, 0);
        assert_int_equal(head.status, 200);
        assert_int_equal(head.body_size, 0);

        /* four that never end keep all connections; the fifth's time passes while it waits */
        for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
                start(f, &waits[i],
                      (struct http_ask_request){.target = "/silent",
                                                .total_for = 300 * USEC_PER_MSEC});
        start(f, &late,
              (struct http_ask_request){.target = "/echo", .total_for = 100 * USEC_PER_MSEC});
        wait_all(f);
        assert_int_equal(late.error, -ETIMEDOUT);
        assert_int_equal(late.status, 0);
        for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
                assert_int_equal(waits[i].error, -ETIMEDOUT);
                assert_int_equal(waits[i].status, 200);
        }
}

static void test_bad_requests(void **state) {
        static const struct http_ask_request bad[] = {
                {.target = NULL},
                {.target = "echo"},
                {.target = "/a b"},
                {.target = "/a\r\nX: y"},
                {.target = "/", .method = "GET /x"},
                {.target = "/", .token = "a\nb"},
                {.target = "/", .content_type = "a\r\nb", .body = "", .body_size = 0},
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct http_ask_request r = bad[i];

                r.done = on_done;
                assert_int_equal(http_ask_start(f->ask, &r, NULL), -EINVAL);
        }
}

/* A done() starts another and cancels a third. */
static void test_inside_done(void **state) {
        struct fixture *f = *state;
        struct call first, hangs;

        start(f, &hangs, (struct http_ask_request){.target = "/silent"});
        start(f, &first, (struct http_ask_request){.target = "/echo"});
        first.cancels = hangs.call;
        first.ask = f->ask;
        first.next = (struct http_ask_request){.target = "/echo", .body = "2", .body_size = 1};
        first.next.done = on_done;
        first.next.ctx = &first;
        wait_all(f);
        assert_int_equal(first.n_done, 2);
        assert_string_equal(first.body, "POST|application/json|-|1|2");
        assert_int_equal(hangs.n_done, 0);
}

static void test_freed(void **state) {
        struct fixture *f = *state;
        struct call on[4], waiting;

        for (size_t i = 0; i < ARRAY_SIZE(on); i++)
                start(f, &on[i], (struct http_ask_request){.target = "/silent"});
        start(f, &waiting, (struct http_ask_request){.target = "/echo"});
        assert_true(loop_turn(f->loop, USEC_PER_SEC) >= 0);
        f->ask = http_ask_free(f->ask);
        for (size_t i = 0; i < ARRAY_SIZE(on); i++)
                assert_int_equal(on[i].error, -ECANCELED);
        assert_int_equal(waiting.error, -ECANCELED);
}

static void test_nobody(void **state) {
        struct fixture *f = *state;
        struct call c;

        http_ask_free(f->ask);
        assert_int_equal(http_ask_new(f->loop, "/nowhere/at/all", 0, &f->ask), 0);
        start(f, &c, (struct http_ask_request){.target = "/echo"});
        wait_all(f);
        assert_int_equal(c.error, -ENOENT);
        assert_int_equal(c.status, 0);
}

/* --- one that misbehaves --------------------------------------------------------------------- */

/* Says texts[i] to the i-th request; NULL: closes the connection and takes the next. */
struct odd {
        struct loop *loop;
        char dir[32], path[64];
        int fd;
        pthread_t thread;
        const char *const *texts;
        size_t n_texts;
        atomic_uint n_accepted;
};

static bool odd_read(int fd) {
        struct buf b = {};
        bool ok;

        while (!(ok = strstr(buf_cstr(&b), "\r\n\r\n") != NULL) && net_test_more(fd, &b, 20000))
                ;
        buf_done(&b);
        return ok;
}

static void *odd_main(void *arg) {
        struct odd *o = arg;
        int fd = -1;

        for (size_t i = 0; i < o->n_texts; i++) {
                if (fd < 0) {
                        fd = accept(o->fd, NULL, NULL);
                        atomic_fetch_add(&o->n_accepted, 1);
                }
                if (o->texts[i]) {
                        assert_true(odd_read(fd));
                        net_test_send(fd, o->texts[i]);
                        continue;
                }
                close(fd);
                fd = -1;
        }
        if (fd >= 0)
                close(fd);
        return NULL;
}

static void odd_start(struct odd *o, struct fixture *f, const char *const *texts, size_t n_texts) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};

        *o = (struct odd){.texts = texts, .n_texts = n_texts};
        snprintf(o->path, sizeof o->path, "%s/odd", f->dir);
        snprintf(a.sun_path, sizeof a.sun_path, "%s", o->path);
        o->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(o->fd, (struct sockaddr *) &a, sizeof a), 0);
        assert_int_equal(listen(o->fd, 0), 0);
        http_ask_free(f->ask);
        assert_int_equal(http_ask_new(f->loop, o->path, 1, &f->ask), 0);
        assert_int_equal(pthread_create(&o->thread, NULL, odd_main, o), 0);
}

static void odd_stop(struct odd *o) {
        pthread_join(o->thread, NULL);
        close(o->fd);
        unlink(o->path);
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void expect(struct fixture *f, int error, const char *body) {
        struct call c;

        start(f, &c, (struct http_ask_request){.target = "/x", .body = "{}", .body_size = 2});
        wait_all(f);
        assert_int_equal(c.error, error);
        assert_string_equal(c.body, body);
}

/* Kept, then closed by the other side without our seeing it: asked once more on a new one. The
 * second request is read and dropped. */
static void test_stale(void **state) {
        static const char *const texts[] = {OK, "", NULL, OK};
        struct fixture *f = *state;
        struct odd o;

        odd_start(&o, f, texts, ARRAY_SIZE(texts));
        expect(f, 0, "ok");
        expect(f, 0, "ok");
        odd_stop(&o);
        assert_int_equal(atomic_load(&o.n_accepted), 2);
}

/* A new connection that ends without a word is an error, and so is an answer that breaks off. */
static void test_torn(void **state) {
        static const char *const texts[] = {
                "",
                NULL,
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
                NULL,
                "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end",
                NULL,
                "SSH-2.0-OpenSSH\r\n\r\n",
                NULL,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                OK,
        };
        struct fixture *f = *state;
        struct odd o;

        odd_start(&o, f, texts, ARRAY_SIZE(texts));
        expect(f, -ECONNRESET, "");
        expect(f, -ECONNRESET, "ab");
        expect(f, 0, "to the end");
        expect(f, -EPROTO, "");
        expect(f, 0, "abc");
        expect(f, 0, "ok");
        odd_stop(&o);
        assert_int_equal(atomic_load(&o.n_accepted), 5);
}

/* The backlog is full: the call waits until there is room. */
static void test_full(void **state) {
        static const char *const texts[] = {NULL, NULL, OK};
        struct fixture *f = *state;
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        struct call c;
        int fds[2];
        struct odd o = {.texts = texts, .n_texts = ARRAY_SIZE(texts)};

        snprintf(o.path, sizeof o.path, "%s/odd", f->dir);
        snprintf(a.sun_path, sizeof a.sun_path, "%s", o.path);
        o.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(o.fd, (struct sockaddr *) &a, sizeof a), 0);
        assert_int_equal(listen(o.fd, 0), 0);
        fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(connect(fds[0], (struct sockaddr *) &a, sizeof a), 0);
        fds[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(connect(fds[1], (struct sockaddr *) &a, sizeof a), -1);
        assert_int_equal(errno, EAGAIN);
        http_ask_free(f->ask);
        assert_int_equal(http_ask_new(f->loop, o.path, 1, &f->ask), 0);
        start(f, &c, (struct http_ask_request){.target = "/x"});
        for (size_t i = 0; i < 5; i++)
                assert_true(loop_turn(f->loop, 10 * USEC_PER_MSEC) >= 0);
        assert_int_equal(c.n_done, 0);
        o.texts++; /* one was let in: it is closed, then the call's turn comes */
        o.n_texts--;
        assert_int_equal(pthread_create(&o.thread, NULL, odd_main, &o), 0);
        wait_all(f);
        assert_int_equal(c.error, 0);
        assert_string_equal(c.body, "ok");
        odd_stop(&o);
        close(fds[0]);
        close(fds[1]);
}

static void test_memory(void **state) {
        struct fixture *f = *state;

        for (unsigned nth = 1;; nth++) {
                struct http_ask *a = NULL;
                bool hit;
                int r;

                fault_arm(FAULT_ALLOC, nth, ENOMEM, 1);
                r = http_ask_new(f->loop, "/x", 1, &a);
                hit = fault_count(FAULT_ALLOC) >= nth;
                fault_reset();
                http_ask_free(a);
                if (!hit)
                        break;
                assert_int_equal(r, -ENOMEM);
        }
        for (unsigned nth = 1;; nth++) {
                struct call c = {.n_left = &f->n_left};
                struct http_ask_request r = {.target = "/echo",
                                             .body = "{}",
                                             .body_size = 2,
                                             .done = on_done,
                                             .ctx = &c};
                bool hit;

                f->n_left++;
                fault_arm(FAULT_ALLOC, nth, ENOMEM, 1);
                if (http_ask_start(f->ask, &r, NULL) < 0)
                        c.error = -ENOMEM;
                else
                        wait_all(f);
                hit = fault_count(FAULT_ALLOC) >= nth;
                fault_reset();
                f->n_left -= c.n_done == 0;
                if (!hit)
                        break;
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_many, setup, teardown),
                cmocka_unit_test_setup_teardown(test_at_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_large, setup, teardown),
                cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
                cmocka_unit_test_setup_teardown(test_bad_requests, setup, teardown),
                cmocka_unit_test_setup_teardown(test_inside_done, setup, teardown),
                cmocka_unit_test_setup_teardown(test_freed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stale, setup, teardown),
                cmocka_unit_test_setup_teardown(test_torn, setup, teardown),
                cmocka_unit_test_setup_teardown(test_full, setup, teardown),
                cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
