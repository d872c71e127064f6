/* The server end to end over real sockets: routing, bodies, limits, late answers, streams. */
#include "tests/unit/net_test_server.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <sys/stat.h>

static int hello(struct http_request *req) {
        return http_request_reply_text(req, 200, "hello");
}

static int echo(struct http_request *req) {
        return http_request_reply(req, 200, "application/octet-stream", req->body, req->body_size);
}

static int params(struct http_request *req) {
        char *text = arena_printf(req->arena, "%s|%s|%s", http_request_param(req, "id"),
                                  http_request_param(req, "rest") ?: "-",
                                  http_request_query(req, "q") ?: "-");

        return text ? http_request_reply_text(req, 200, text) : -ENOMEM;
}

static int from_worker(struct http_request *req) {
        char *text = arena_printf(req->arena, "worker %s %s", req->worker >= 0 ? "yes" : "no",
                                  req->body);

        return text ? http_request_reply_text(req, 200, text) : -ENOMEM;
}

static int broken(struct http_request *req) {
        return -EIO;
}

/* A thread of nobody's replies after a while. */
static void *reply_late(void *arg) {
        struct http_request *req = arg;

        usleep(20000);
        assert_int_equal(http_request_reply_text(req, 200, "late"), 0);
        return NULL;
}

static int late(struct http_request *req) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, reply_late, req) != 0)
                return -EAGAIN;
        pthread_detach(thread);
        return HTTP_LATER;
}

static int peer(struct http_request *req) {
        const struct http_peer *p = req->peer;
        char *text = arena_printf(req->arena, "%s %d %d %s %d",
                                  p->kind == HTTP_PEER_UNIX ? "unix" : "tcp", (int) p->uid,
                                  (int) p->pid, p->address, p->port > 0);

        return text ? http_request_reply_text(req, 200, text) : -ENOMEM;
}

static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_GET, "/hello", hello, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/", hello, 0, 0),
        HTTP_ROUTE(HTTP_POST, "/echo", echo, 0, 0, .max_body = 1000),
        HTTP_ROUTE(HTTP_POST, "/big", echo, 0, 0, .max_body = 4 << 20),
        HTTP_ROUTE(HTTP_GET, "/things/{id}", params, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/things/{id}/files/{rest...}", params, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/worker", from_worker, 0, HTTP_WORKER),
        HTTP_ROUTE(HTTP_POST, "/worker", from_worker, 0, HTTP_WORKER),
        HTTP_ROUTE(HTTP_GET, "/broken", broken, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/broken-worker", broken, 0, HTTP_WORKER),
        HTTP_ROUTE(HTTP_GET, "/late", late, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/peer", peer, 0, 0),
};

static int setup(void **state) {
        return net_test_setup(state, rows, ARRAY_SIZE(rows));
}

#define H "Host: localhost\r\n"

static void test_simple(void **state) {
        net_test_expect(*state, "GET /hello HTTP/1.1\r\n" H "\r\n", 200, "hello");
        net_test_expect(*state, "GET / HTTP/1.1\r\n" H "\r\n", 200, "hello");
        net_test_expect(*state, "GET http://localhost/hello HTTP/1.1\r\n" H "\r\n", 200, "hello");
        net_test_expect(*state, "GET /nothing HTTP/1.1\r\n" H "\r\n", 404, NULL);
}

static void test_wrong_method(void **state) {
        struct net_test_answer a = net_test_ask(*state, "DELETE /hello HTTP/1.1\r\n" H "\r\n");

        assert_int_equal(a.status, 405);
        assert_string_equal(net_test_header(&a, "Allow"), "GET, HEAD");
        net_test_answer_done(&a);
}

static void test_like_flask(void **state) {
        struct net_test t = {.rows = rows, .n_rows = ARRAY_SIZE(rows), .options.like_flask = true};
        struct net_test_answer a;

        net_test_start(&t);
        net_test_expect(&t, "GET ///hello HTTP/1.1\r\n" H "\r\n", 200, "hello");
        a = net_test_ask(&t, "GET /things//7?q=a//b HTTP/1.1\r\n" H "\r\n");
        assert_int_equal(a.status, 308);
        assert_string_equal(net_test_header(&a, "Location"), "/things/7?q=a//b");
        net_test_answer_done(&a);
        a = net_test_ask(&t, "OPTIONS /hello HTTP/1.1\r\n" H "\r\n");
        assert_int_equal(a.status, 204);
        assert_string_equal(net_test_header(&a, "Allow"), "GET, HEAD, OPTIONS");
        net_test_answer_done(&a);
        a = net_test_ask(&t, "GET /no//such HTTP/1.1\r\n" H "\r\n");
        assert_int_equal(a.status, 404);
        net_test_answer_done(&a);
        net_test_stop(&t);
}

/* As a daemon's hook: only rows of role 0 are everybody's, others need a word, slowly checked. */
static int before(struct http_request *req) {
        const char *word = http_request_header(req, "Authorization");

        if (req->route->min_role == 0)
                return 0;
        if (word && !req->may_block)
                return HTTP_SLOW;
        if (word && strcmp(word, "sesame") == 0)
                return 0;
        return http_request_reply_error(req, 401, "Who are you?") < 0 ? -EIO : HTTP_LATER;
}

static void test_unrouted(void **state) {
        static const struct http_route unrouted = {.path = "", .min_role = 1};
        static const struct http_route two[] = {
                HTTP_ROUTE(HTTP_GET, "/open", hello, 0, 0),
                HTTP_ROUTE(HTTP_GET, "/closed/{id}", hello, 1, 0),
                HTTP_ROUTE(HTTP_POST, "/post", echo, 0, 0),
        };
        static const struct {
                const char *request;
                int without, with;
        } asked[] = {
                {"GET /open", 200, 200},        {"GET /closed/x", 401, 200},
                {"GET /none", 401, 404},        {"POST /none", 401, 404},
                {"OPTIONS /none", 401, 404},    {"DELETE /open", 405, 405},
                {"DELETE /closed/x", 401, 405}, {"GET /post", 401, 405},
                {"GET /closed//x", 401, 308},   {"OPTIONS /closed/x", 401, 204},
                {"GET /none?%ff", 400, 400},
        };
        struct net_test t = {.rows = two,
                             .n_rows = ARRAY_SIZE(two),
                             .options = {.like_flask = true,
                                         .before = before,
                                         .has_slow_before = true,
                                         .unrouted = &unrouted}};
        char text[200];

        net_test_start(&t);
        for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
                snprintf(text, sizeof(text), "%s HTTP/1.1\r\n" H "\r\n", asked[i].request);
                net_test_expect(&t, text, asked[i].without, NULL);
                snprintf(text, sizeof(text),
                         "%s HTTP/1.1\r\n" H "Authorization: open\r\nContent-Length: 3\r\n\r\nabc",
                         asked[i].request);
                net_test_expect(&t, text, asked[i].without, NULL);
                snprintf(text, sizeof(text), "%s HTTP/1.1\r\n" H "Authorization: sesame\r\n\r\n",
                         asked[i].request);
                net_test_expect(&t, text, asked[i].with, NULL);
        }
        net_test_stop(&t);
}

static void test_params(void **state) {
        net_test_expect(*state, "GET /things/a%20b HTTP/1.1\r\n" H "\r\n", 200, "a b|-|-");
        net_test_expect(*state, "GET /things/x/files/d/e%2Ff?q=1+2%26 HTTP/1.1\r\n" H "\r\n", 200,
                        "x|d/e/f|1 2&");
        net_test_expect(*state, "GET /%68ello HTTP/1.1\r\n" H "\r\n", 200, "hello");
        /* Decoded once only: "%252e" stays "%2e". */
        net_test_expect(*state, "GET /things/%252e%252e HTTP/1.1\r\n" H "\r\n", 200, "%2e%2e|-|-");
        net_test_expect(*state, "GET /things/%ff HTTP/1.1\r\n" H "\r\n", 400, NULL);
        net_test_expect(*state, "GET /things/a%00b HTTP/1.1\r\n" H "\r\n", 400, NULL);
        net_test_expect(*state, "GET /things/a%zz HTTP/1.1\r\n" H "\r\n", 400, NULL);
        net_test_expect(*state, "GET /hello?a=%ff HTTP/1.1\r\n" H "\r\n", 400, NULL);
}

static void test_body(void **state) {
        net_test_expect(*state, "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 200,
                        "abc");
        net_test_expect(*state, "POST /echo HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 200, "");
        net_test_expect(*state,
                        "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
                        "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                        200, "abcde");
        /* What is said of a chunk is never part of it: libmicrohttpd 1 takes no such request. */
        net_test_expect(*state,
                        "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
                        "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
                        MHD_VERSION < 0x01000000 ? 200 : 400,
                        MHD_VERSION < 0x01000000 ? "abcde" : NULL);
}

static void test_body_too_large(void **state) {
        struct net_test *t = *state;
        struct buf b = {}, rest = {};
        struct net_test_answer a;
        int fd;

        /* By its announced length: answered, the body dropped, the connection stays good. */
        buf_add_str(&b, "POST /echo HTTP/1.1\r\n" H "Content-Length: 500000\r\n\r\n");
        buf_add_fill(&b, 'x', 500000);
        buf_add_str(&b, "GET /hello HTTP/1.1\r\n" H "\r\n");
        fd = net_test_connect(t);
        net_test_send_n(fd, b.data, b.len);
        net_test_read(fd, &rest, false, &a);
        assert_int_equal(a.status, 413);
        net_test_answer_done(&a);
        net_test_read(fd, &rest, false, &a);
        assert_int_equal(a.status, 200);
        net_test_answer_done(&a);
        close(fd);
        /* By what comes in chunks. */
        buf_reset(&b);
        buf_add_str(&b, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2710\r\n");
        buf_add_fill(&b, 'x', 10000);
        buf_add_str(&b, "\r\n0\r\n\r\n");
        net_test_expect(t, b.data, 413, NULL);
        buf_done(&b);
        buf_done(&rest);
}

static void test_smuggling(void **state) {
        net_test_expect(*state,
                        "POST /echo HTTP/1.1\r\n" H
                        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                        400, NULL);
        net_test_expect(*state,
                        "POST /echo HTTP/1.1\r\n" H
                        "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
                        400, NULL);
        net_test_expect(*state, "POST /echo HTTP/1.1\r\n" H "Content-Length: -3\r\n\r\n", 400,
                        NULL);
}

static void test_two_hosts(void **state) {
        net_test_expect(*state, "GET /hello HTTP/1.1\r\n" H "Host: evil.example\r\n\r\n", 400,
                        NULL);
}

static void test_bad_chunks(void **state) {
        struct net_test *t = *state;
        struct buf rest = {};
        int fd = net_test_connect(t);

        net_test_send(fd, "POST /echo HTTP/1.1\r\n" H
                          "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n");
        /* MHD answers 400 and closes. */
        while (net_test_more(fd, &rest, 10000))
                ;
        assert_non_null(strstr(buf_cstr(&rest), " 400 "));
        buf_done(&rest);
        close(fd);
}

static void test_expect_continue(void **state) {
        struct net_test *t = *state;
        struct buf rest = {};
        struct net_test_answer a;
        int fd = net_test_connect(t);

        net_test_send(fd, "POST /echo HTTP/1.1\r\n" H
                          "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
        net_test_read(fd, &rest, false, &a);
        assert_int_equal(a.status, 100);
        net_test_answer_done(&a);
        net_test_send(fd, "abc");
        net_test_read(fd, &rest, false, &a);
        assert_int_equal(a.status, 200);
        assert_string_equal(a.body, "abc");
        net_test_answer_done(&a);
        close(fd);
        /* Refused without asking for the body. */
        net_test_expect(t,
                        "POST /echo HTTP/1.1\r\n" H
                        "Content-Length: 5000\r\nExpect: 100-continue\r\n\r\n",
                        413, NULL);
        buf_done(&rest);
}

static void test_keep_alive_is_prompt(void **state) {
        struct net_test *t = *state;
        struct buf rest = {};
        int fd = net_test_connect(t);
        usec_t slowest_for = 0;

        for (unsigned i = 0; i < 50; i++) {
                struct net_test_answer a;
                usec_t began_at = net_test_now();

                net_test_send(fd, "POST /worker HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n");
                net_test_send(fd, "hi");
                net_test_read(fd, &rest, false, &a);
                assert_string_equal(a.body, "worker yes hi");
                net_test_answer_done(&a);
                if (i > 0 && (slowest_for == 0 || net_test_now() - began_at < slowest_for))
                        slowest_for = net_test_now() - began_at;
        }
        /* Delayed acknowledgements would cost 40 ms on every request, the fastest one, too. */
        assert_true(slowest_for < 30 * USEC_PER_MSEC);
        buf_done(&rest);
        close(fd);
}

static void test_pipelining(void **state) {
        struct net_test *t = *state;
        struct buf rest = {};
        int fd = net_test_connect(t);
        static const char *const bodies[] = {"hello", "late", "worker yes ", "abc", "hello"};

        net_test_send(fd, "GET /hello HTTP/1.1\r\n" H "\r\nGET /late HTTP/1.1\r\n" H
                          "\r\nGET /worker HTTP/1.1\r\n" H "\r\n"
                          "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"
                          "GET /hello HTTP/1.1\r\n" H "\r\n");
        for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
                struct net_test_answer a;

                net_test_read(fd, &rest, false, &a);
                assert_string_equal(a.body, bodies[i]);
                net_test_answer_done(&a);
        }
        buf_done(&rest);
        close(fd);
}

static void test_errors(void **state) {
        net_test_expect(*state, "GET /broken HTTP/1.1\r\n" H "\r\n", 500,
                        "{\"detail\":\"Internal error: Input/output error.\"}");
        net_test_expect(*state, "GET /broken-worker HTTP/1.1\r\n" H "\r\n", 500, NULL);
}

static void test_late(void **state) {
        net_test_expect(*state, "GET /late HTTP/1.1\r\n" H "\r\n", 200, "late");
}

static void test_client_gone_while_kept(void **state) {
        struct net_test *t = *state;

        for (unsigned i = 0; i < 20; i++) {
                int fd = net_test_connect(t);

                net_test_send(fd, "GET /late HTTP/1.1\r\n" H "\r\n");
                close(fd);
        }
        net_test_expect(t, "GET /late HTTP/1.1\r\n" H "\r\n", 200, "late");
}

static void test_host(void **state) {
        net_test_expect(*state, "GET /hello HTTP/1.1\r\nHost: 127.0.0.1:9999\r\n\r\n", 200,
                        "hello");
        net_test_expect(*state, "GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403,
                        "Invalid Host header - possible DNS rebinding attack detected");
        net_test_expect(*state,
                        "POST /echo HTTP/1.1\r\n" H
                        "Origin: http://evil.example\r\nContent-Length: 1\r\n\r\na",
                        403, "Cross-origin request blocked");
        net_test_expect(*state,
                        "POST /echo HTTP/1.1\r\n" H
                        "Origin: http://localhost:3000\r\nContent-Length: 1\r\n\r\na",
                        200, "a");
}

static void test_head(void **state) {
        struct net_test_answer a = net_test_ask(*state, "HEAD /hello HTTP/1.1\r\n" H "\r\n");

        assert_int_equal(a.status, 200);
        assert_string_equal(net_test_header(&a, "Content-Length"), "5");
        net_test_answer_done(&a);
}

static void test_oversized_header(void **state) {
        struct net_test *t = *state;
        struct buf b = {};
        struct net_test_answer a;

        buf_add_str(&b, "GET /hello HTTP/1.1\r\n" H "X: ");
        buf_add_fill(&b, 'x', 40000);
        buf_add_str(&b, "\r\n\r\n");
        a = net_test_ask(t, b.data);
        assert_true(a.status == 431 || a.status == 413 || a.status == 400);
        net_test_answer_done(&a);
        buf_done(&b);
}

/* A header dribbled byte by byte is cut by the clock, whatever comes. */
static void test_slow_header(void **state) {
        struct net_test *t = *state;
        int fd = net_test_connect(t);
        usec_t began_at = net_test_now();
        struct pollfd p = {.fd = fd, .events = POLLIN | POLLRDHUP};

        for (unsigned i = 0; i < 200; i++) {
                if (send(fd, "G", 1, MSG_NOSIGNAL) < 0)
                        break;
                if (poll(&p, 1, 100) > 0)
                        break;
        }
        assert_true(net_test_now() - began_at < 15 * USEC_PER_SEC);
        assert_true(net_test_now() - began_at > USEC_PER_SEC);
        close(fd);
}

static void test_unix_peer(void **state) {
        struct net_test t = {.rows = rows, .n_rows = ARRAY_SIZE(rows)};
        char path[64], expected[64];

        snprintf(path, sizeof path, "unix:/tmp/onebox-test-%d.sock", (int) getpid());
        t.address = path;
        net_test_start(&t);
        snprintf(expected, sizeof expected, "unix %d %d  0", (int) getuid(), (int) getpid());
        net_test_expect(&t, "GET /peer HTTP/1.1\r\n" H "\r\n", 200, expected);
        net_test_stop(&t);
        assert_int_equal(access(path + 5, F_OK), -1);
        snprintf(path, sizeof path, "/tmp/onebox-test-%d.sock.lock", (int) getpid());
        unlink(path);
}

static void test_full_server_evicts_idle(void **state) {
        struct net_test t = {.rows = rows, .n_rows = ARRAY_SIZE(rows), .options.n_connections = 4};
        int idle[4];

        net_test_start(&t);
        for (unsigned i = 0; i < 4; i++) {
                struct buf rest = {};
                struct net_test_answer a;

                idle[i] = net_test_connect(&t);
                net_test_send(idle[i], "GET /hello HTTP/1.1\r\n" H "\r\n");
                net_test_read(idle[i], &rest, false, &a);
                net_test_answer_done(&a);
                buf_done(&rest);
        }
        for (unsigned i = 0; i < 8; i++)
                net_test_expect(&t, "GET /hello HTTP/1.1\r\n" H "\r\n", 200, "hello");
        for (unsigned i = 0; i < 4; i++)
                close(idle[i]);
        net_test_stop(&t);
}

static atomic_uint n_drained;

static void on_drained(void *ctx) {
        atomic_fetch_add(&n_drained, 1);
}

static void start_drain(void *arg) {
        struct net_test *t = arg;

        http_server_drain(t->server, on_drained, t);
}

static void test_drain(void **state) {
        struct net_test t = {.rows = rows, .n_rows = ARRAY_SIZE(rows)};
        struct net_test_answer a;
        struct buf rest = {};
        int fd;

        net_test_start(&t);
        fd = net_test_connect(&t);
        net_test_send(fd, "GET /late HTTP/1.1\r\n" H "\r\n");
        usleep(5000);
        assert_int_equal(loop_post(t.loop, start_drain, &t), 0);
        net_test_read(fd, &rest, false, &a);
        assert_int_equal(a.status, 200);
        net_test_answer_done(&a);
        net_test_wait_for(&n_drained, 1);
        close(fd);
        buf_done(&rest);
        net_test_stop(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_simple),
                cmocka_unit_test(test_wrong_method),
                cmocka_unit_test(test_like_flask),
                cmocka_unit_test(test_unrouted),
                cmocka_unit_test(test_params),
                cmocka_unit_test(test_body),
                cmocka_unit_test(test_body_too_large),
                cmocka_unit_test(test_smuggling),
                cmocka_unit_test(test_two_hosts),
                cmocka_unit_test(test_bad_chunks),
                cmocka_unit_test(test_expect_continue),
                cmocka_unit_test(test_keep_alive_is_prompt),
                cmocka_unit_test(test_pipelining),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_late),
                cmocka_unit_test(test_client_gone_while_kept),
                cmocka_unit_test(test_host),
                cmocka_unit_test(test_head),
                cmocka_unit_test(test_oversized_header),
                cmocka_unit_test(test_slow_header),
                cmocka_unit_test(test_unix_peer),
                cmocka_unit_test(test_full_server_evicts_idle),
                cmocka_unit_test(test_drain),
        };

        return cmocka_run_group_tests(tests, setup, net_test_teardown);
}
