/* A front server that forwards to another behind a Unix socket: both real, both ways streaming. */
#include "tests/unit/net_test_server.h"

#include <stdatomic.h>
#include <sys/stat.h>

#include "lib/net/http_forward.h"

/* --- the daemon behind ----------------------------------------------------------------------- */

static int echo(struct http_request *req) {
        return http_request_reply(req, 201, "application/x-echo", req->body, req->body_size);
}

static int who(struct http_request *req) {
        char *text = arena_printf(
                req->arena, "%s|%s|%s|%s|%s", http_request_header(req, "X-Onebox-User") ?: "-",
                http_request_header(req, "X-Onebox-Roles") ?: "-",
                http_request_header(req, "X-Custom") ?: "-",
                http_request_header(req, "X-Hop") ?: "-", http_request_header(req, "Host"));

        (void) http_request_set_header(req, "Set-Cookie", "a=1");
        (void) http_request_set_header(req, "Set-Cookie", "b=2");
        return text ? http_request_reply_text(req, 200, text) : -ENOMEM;
}

static int target(struct http_request *req) {
        return http_request_reply_text(req, 200, req->target);
}

static int nothing(struct http_request *req) {
        return http_request_reply_empty(req, 204);
}

static atomic_size_t n_up;
static atomic_uint n_up_aborted;

static int up_chunk(struct http_request *req, const void *data, size_t size) {
        /* Slower than the client: every piece needs a second try. */
        if (!req->data) {
                req->data = req;
                http_request_body_resume(req);
                return HTTP_PAUSE;
        }
        req->data = NULL;
        atomic_fetch_add(&n_up, size);
        return 0;
}

static void up_abort(struct http_request *req) {
        atomic_fetch_add(&n_up_aborted, 1);
}

static int up_end(struct http_request *req) {
        char *text = arena_printf(req->arena, "%zu", req->body_size);

        return text ? http_request_reply_text(req, 200, text) : -ENOMEM;
}

static const struct http_body_ops up_ops = {.chunk = up_chunk, .abort = up_abort};

#define DOWN_SIZE ((size_t) 8 << 20)

struct down {
        size_t sent;
};
static atomic_size_t n_down;
static atomic_uint n_gone;

static ssize_t down_pull(void *ctx, char *data, size_t size) {
        struct down *d = ctx;
        size_t n = MIN(size, DOWN_SIZE - d->sent);

        if (n == 0)
                return HTTP_STREAM_END;
        for (size_t i = 0; i < n; i++)
                data[i] = (char) ('a' + (d->sent + i) % 26);
        d->sent += n;
        atomic_store(&n_down, d->sent);
        return (ssize_t) n;
}

static void down_gone(void *ctx) {
        free(ctx);
        atomic_fetch_add(&n_gone, 1);
}

static int down(struct http_request *req) {
        struct down *d = calloc(1, sizeof *d);
        struct http_request_stream s = {
                .pull = down_pull,
                .gone = down_gone,
                .ctx = d,
                .size = http_request_query(req, "sized") ? (int64_t) DOWN_SIZE : -1};

        return d ? http_request_reply_stream(req, 200, "application/octet-stream", &s, NULL)
                 : -ENOMEM;
}

/* Three events, each pulled only after a wake by the test. */
static struct http_request_waker *events_waker;
static atomic_uint n_events_open;

static ssize_t events_pull(void *ctx, char *data, size_t size) {
        unsigned *n = ctx;

        if (*n == 3)
                return HTTP_STREAM_END;
        if (atomic_load(&n_events_open) <= *n)
                return 0;
        return snprintf(data, size, "data: %u\n\n", (*n)++);
}

static void events_gone(void *ctx) {
        free(ctx);
        atomic_fetch_add(&n_gone, 1);
}

static int events(struct http_request *req) {
        struct http_request_stream s = {.pull = events_pull,
                                        .gone = events_gone,
                                        .ctx = calloc(1, sizeof(unsigned)),
                                        .size = -1,
                                        .heartbeat = ":\n\n"};

        return http_request_reply_stream(req, 200, "text/event-stream", &s, &events_waker);
}

static int refuse(struct http_request *req) {
        return http_request_reply_error(req, 409, "not now");
}

static int refuse_begin(struct http_request *req) {
        return http_request_reply_error(req, 409, "not now") < 0 ? -ENOMEM : HTTP_LATER;
}

static const struct http_body_ops refuse_ops = {
        .begin = refuse_begin, .chunk = up_chunk, .abort = up_abort};

static const struct http_route behind_rows[] = {
        HTTP_ROUTE(HTTP_POST, "/echo", echo, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/who", who, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/target/{rest...}", target, 0, 0),
        HTTP_ROUTE(HTTP_DELETE, "/nothing", nothing, 0, 0),
        HTTP_ROUTE(HTTP_PUT, "/up", up_end, 0, 0, .max_body = SIZE_MAX, .body = &up_ops),
        HTTP_ROUTE(HTTP_PUT, "/refuse", refuse, 0, 0, .max_body = SIZE_MAX, .body = &refuse_ops),
        HTTP_ROUTE(HTTP_GET, "/down", down, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/events", events, 0, 0),
};

/* --- the front ------------------------------------------------------------------------------- */

static struct http_forward_target to_behind, to_nobody;

static int identify(struct http_request *req, struct http_forward_headers *h) {
        int r = http_forward_set_header(h, "X-Onebox-User", "ada");

        assert_int_equal(http_forward_set_header(h, "X-Onebox-User", "a\r\nb"), -EINVAL);
        return r < 0 ? r : http_forward_set_header(h, "X-Onebox-Roles", "user");
}

static const struct http_route front_rows[] = {
        HTTP_ROUTE(HTTP_ANY, "/b/{rest...}", http_forward_handle, 0, HTTP_KEEP_RAW,
                   .max_body = SIZE_MAX, .body = &http_forward_body, .data = &to_behind),
        HTTP_ROUTE(HTTP_ANY, "/n/{rest...}", http_forward_handle, 0, HTTP_KEEP_RAW,
                   .max_body = SIZE_MAX, .body = &http_forward_body, .data = &to_nobody),
};

struct pair {
        struct net_test behind, front;
        char path[64], address[80];
};

static int front_setup(struct net_test *t) {
        struct pair *p = t->data;
        struct http_forward_options o = {.loop = t->loop,
                                         .socket_path = p->path,
                                         .name = "behind",
                                         .remedy = "start it",
                                         .identify = identify};
        int r = http_forward_new(&o, &to_behind.forward);

        to_behind.strip_prefix = to_nobody.strip_prefix = "/b";
        to_nobody.strip_prefix = NULL;
        o.socket_path = "/nonexistent/x.sock";
        return r < 0 ? r : http_forward_new(&o, &to_nobody.forward);
}

static void front_teardown(struct net_test *t) {
        to_behind.forward = http_forward_free(to_behind.forward);
        to_nobody.forward = http_forward_free(to_nobody.forward);
}

static void start_behind(struct pair *p) {
        p->behind = (struct net_test){
                .rows = behind_rows, .n_rows = ARRAY_SIZE(behind_rows), .address = p->address};
        net_test_start(&p->behind);
}

static int setup(void **state) {
        struct pair *p = calloc(1, sizeof *p);

        snprintf(p->path, sizeof p->path, "/tmp/onebox-test-fwd-%d.sock", (int) getpid());
        snprintf(p->address, sizeof p->address, "unix:%s", p->path);
        start_behind(p);
        p->front = (struct net_test){.rows = front_rows,
                                     .n_rows = ARRAY_SIZE(front_rows),
                                     .setup = front_setup,
                                     .teardown = front_teardown,
                                     .data = p};
        net_test_start(&p->front);
        *state = p;
        return 0;
}

static int teardown(void **state) {
        struct pair *p = *state;
        char lock[80];

        net_test_stop(&p->front);
        net_test_stop(&p->behind);
        snprintf(lock, sizeof lock, "%s.lock", p->path);
        unlink(lock);
        free(p);
        return 0;
}

#define H "Host: localhost\r\n"

static void test_plain(void **state) {
        struct pair *p = *state;

        net_test_expect(&p->front, "POST /b/echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello",
                        201, "hello");
        net_test_expect(&p->front,
                        "POST /b/echo HTTP/1.1\r\n" H
                        "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
                        201, "hello");
        net_test_expect(&p->front, "DELETE /b/nothing HTTP/1.1\r\n" H "\r\n", 204, "");
        net_test_expect(&p->front, "GET /b/missing HTTP/1.1\r\n" H "\r\n", 404, NULL);
        net_test_expect(&p->front, "GET /b/target/a%2Fb%20?x=%41+&y HTTP/1.1\r\n" H "\r\n", 200,
                        "/target/a%2Fb%20?x=%41+&y");
}

static void test_keep_alive(void **state) {
        struct pair *p = *state;
        struct buf rest = {};
        int fd = net_test_connect(&p->front);

        for (unsigned i = 0; i < 20; i++) {
                struct net_test_answer a;

                net_test_send(fd, "POST /b/echo HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx"
                                  "HEAD /b/who HTTP/1.1\r\n" H "\r\n");
                net_test_read(fd, &rest, false, &a);
                assert_int_equal(a.status, 201);
                assert_string_equal(net_test_header(&a, "Content-Type"), "application/x-echo");
                net_test_answer_done(&a);
                net_test_read(fd, &rest, true, &a);
                assert_int_equal(a.status, 200);
                net_test_answer_done(&a);
        }
        buf_done(&rest);
        close(fd);
}

static void test_identity_cannot_be_sent_in(void **state) {
        struct pair *p = *state;
        struct net_test_answer a =
                net_test_ask(&p->front, "GET /b/who HTTP/1.1\r\n" H
                                        "X-Onebox-User: root\r\nx-onebox-roles: admin\r\n"
                                        "X-Onebox-Other: y\r\nX-Custom: kept\r\n"
                                        "X-Hop: 1\r\nConnection: X-Hop\r\n\r\n");

        assert_int_equal(a.status, 200);
        assert_string_equal(a.body, "ada|user|kept|-|localhost");
        assert_non_null(strstr(a.head, "Set-Cookie: a=1\r\n"));
        assert_non_null(strstr(a.head, "Set-Cookie: b=2\r\n"));
        net_test_answer_done(&a);
}

static void test_away(void **state) {
        struct pair *p = *state;
        struct net_test_answer a = net_test_ask(&p->front, "GET /n/x HTTP/1.1\r\n" H "\r\n");

        assert_int_equal(a.status, 503);
        assert_non_null(strstr(a.body, "behind does not answer"));
        assert_non_null(strstr(a.body, "start it"));
        net_test_answer_done(&a);
        /* With a body to swallow, too. */
        net_test_expect(&p->front, "POST /n/x HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 503,
                        NULL);
}

static void test_upload(void **state) {
        struct pair *p = *state;
        struct buf b = {};

        atomic_store(&n_up, 0);
        buf_add_str(&b, "PUT /b/up HTTP/1.1\r\n" H "Content-Length: 5000000\r\n\r\n");
        buf_add_fill(&b, 'x', 5000000);
        net_test_expect(&p->front, b.data, 200, "5000000");
        assert_int_equal(atomic_load(&n_up), 5000000);
        buf_done(&b);
}

static void test_upload_refused(void **state) {
        struct pair *p = *state;
        struct buf b = {};

        buf_add_str(&b, "PUT /b/refuse HTTP/1.1\r\n" H "Content-Length: 3000000\r\n\r\n");
        buf_add_fill(&b, 'x', 3000000);
        net_test_expect(&p->front, b.data, 409, NULL);
        buf_done(&b);
}

static void test_upload_cut(void **state) {
        struct pair *p = *state;
        unsigned n_before = atomic_load(&n_up_aborted);
        int fd = net_test_connect(&p->front);

        atomic_store(&n_up, 0);
        net_test_send(fd, "PUT /b/up HTTP/1.1\r\n" H "Content-Length: 100\r\n\r\nabc");
        for (usec_t until = net_test_now() + 20 * USEC_PER_SEC;
             atomic_load(&n_up) < 3 && net_test_now() < until;)
                usleep(1000);
        close(fd);
        net_test_wait_for(&n_up_aborted, n_before + 1);
}

static void check_down(const struct pair *p, const char *text) {
        struct net_test_answer a = net_test_ask(&p->front, text);

        assert_int_equal(a.status, 200);
        assert_int_equal(a.body_size, DOWN_SIZE);
        for (size_t i = 0; i < DOWN_SIZE; i += 4099)
                assert_int_equal(a.body[i], 'a' + i % 26);
        net_test_answer_done(&a);
}

static void test_download(void **state) {
        check_down(*state, "GET /b/down HTTP/1.1\r\n" H "\r\n");
        check_down(*state, "GET /b/down?sized=1 HTTP/1.1\r\n" H "\r\n");
}

/* A client that does not read stops the daemon behind long before it has sent everything. */
static void test_back_pressure(void **state) {
        struct pair *p = *state;
        unsigned n_before = atomic_load(&n_gone);
        int fd = net_test_connect(&p->front), small = 4096;
        size_t n_last = 0;

        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
        atomic_store(&n_down, 0);
        net_test_send(fd, "GET /b/down HTTP/1.1\r\n" H "\r\n");
        for (unsigned still = 0; still < 20; usleep(10000)) {
                size_t n = atomic_load(&n_down);

                still = n > 0 && n == n_last ? still + 1 : 0;
                n_last = n;
        }
        assert_true(n_last < DOWN_SIZE);
        close(fd);
        net_test_wait_for(&n_gone, n_before + 1);
}

static void test_events(void **state) {
        struct pair *p = *state;
        unsigned n_before = atomic_load(&n_gone);
        struct buf b = {};
        int fd = net_test_connect(&p->front);

        atomic_store(&n_events_open, 0);
        net_test_send(fd, "GET /b/events HTTP/1.1\r\n" H "\r\n");
        while (!strstr(buf_cstr(&b), "\r\n\r\n"))
                assert_true(net_test_more(fd, &b, 10000));
        for (unsigned i = 0; i < 3; i++) {
                char expected[32];

                snprintf(expected, sizeof expected, "data: %u\n\n", i);
                assert_null(strstr(buf_cstr(&b), expected));
                atomic_store(&n_events_open, i + 1);
                http_request_waker_wake(events_waker);
                while (!strstr(buf_cstr(&b), expected))
                        assert_true(net_test_more(fd, &b, 10000));
        }
        net_test_wait_for(&n_gone, n_before + 1);
        events_waker = http_request_waker_unref(events_waker);
        close(fd);
        /* A client that leaves takes the stream behind with it. */
        atomic_store(&n_events_open, 0);
        fd = net_test_connect(&p->front);
        buf_reset(&b);
        net_test_send(fd, "GET /b/events HTTP/1.1\r\n" H "\r\n");
        while (!strstr(buf_cstr(&b), "\r\n\r\n"))
                assert_true(net_test_more(fd, &b, 10000));
        close(fd);
        net_test_wait_for(&n_gone, n_before + 2);
        events_waker = http_request_waker_unref(events_waker);
        buf_done(&b);
}

/* The daemon behind goes and comes back: kept connections are found dead and replaced. */
static void test_restart_behind(void **state) {
        struct pair *p = *state;

        for (unsigned i = 0; i < 3; i++) {
                net_test_expect(&p->front, "GET /b/who HTTP/1.1\r\n" H "\r\n", 200, NULL);
                net_test_stop(&p->behind);
                net_test_expect(&p->front, "GET /b/who HTTP/1.1\r\n" H "\r\n", 503, NULL);
                start_behind(p);
                net_test_expect(&p->front,
                                "POST /b/echo HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx", 201,
                                "x");
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_keep_alive),
                cmocka_unit_test(test_identity_cannot_be_sent_in),
                cmocka_unit_test(test_away),
                cmocka_unit_test(test_upload),
                cmocka_unit_test(test_upload_refused),
                cmocka_unit_test(test_upload_cut),
                cmocka_unit_test(test_download),
                cmocka_unit_test(test_back_pressure),
                cmocka_unit_test(test_events),
                cmocka_unit_test(test_restart_behind),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
