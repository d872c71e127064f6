/* The server end to end over real sockets: routing, bodies, limits, late answers, streams. */
#include "tests/unit/net_test_server.h"

#include <fcntl.h>
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

/* --- streamed bodies ----------------------------------------------------------------------------
 */

static atomic_uint n_begun, n_aborted, n_chunks;
static atomic_size_t n_received;

static int up_begin(struct http_request *req) {
        atomic_fetch_add(&n_begun, 1);
        if (http_request_query(req, "refuse"))
                return http_request_reply_error(req, 403, "no") < 0 ? -ENOMEM : HTTP_LATER;
        return 0;
}

static int up_chunk(struct http_request *req, const void *data, size_t size) {
        /* Every third piece is taken at the second try. */
        if (http_request_query(req, "pause") && !req->data &&
            atomic_fetch_add(&n_chunks, 1) % 3 == 0) {
                req->data = req;
                http_request_body_resume(req);
                return HTTP_PAUSE;
        }
        req->data = NULL;
        if (http_request_query(req, "break"))
                return -EIO;
        atomic_fetch_add(&n_received, size);
        return 0;
}

static void up_abort(struct http_request *req) {
        atomic_fetch_add(&n_aborted, 1);
}

static int up_end(struct http_request *req) {
        char *text = arena_printf(req->arena, "%zu", req->body_size);

        return text ? http_request_reply_text(req, 200, text) : -ENOMEM;
}

static const struct http_body_ops up_ops = {
        .begin = up_begin, .chunk = up_chunk, .abort = up_abort};

/* --- pulled answers ------------------------------------------------------------------------------
 */

struct count {
        unsigned n, n_max;
        bool wait;
        atomic_bool open;
        atomic_uint *n_gone;
        struct http_request_waker *waker;
        pthread_t thread;
        bool has_thread;
};

static atomic_uint n_gone;

static ssize_t count_pull(void *ctx, char *data, size_t size) {
        struct count *c = ctx;

        if (c->wait && !atomic_load(&c->open))
                return 0;
        atomic_store(&c->open, false);
        if (c->n >= c->n_max)
                return HTTP_STREAM_END;
        return snprintf(data, size, "line %u\n", c->n++);
}

static void count_gone(void *ctx) {
        struct count *c = ctx;

        http_request_waker_unref(c->waker);
        free(c);
        atomic_fetch_add(&n_gone, 1);
}

static int count_start(struct http_request *req, bool wait, const char *heartbeat) {
        struct count *c = calloc(1, sizeof *c);
        struct http_request_stream s = {.pull = count_pull,
                                        .gone = count_gone,
                                        .ctx = c,
                                        .heartbeat = heartbeat,
                                        .size = -1};
        int64_t n = 3;

        if (!c)
                return -ENOMEM;
        (void) http_request_query_i64(req, "n", &n);
        c->n_max = (unsigned) n;
        c->wait = wait;
        return http_request_reply_stream(req, 200, "text/plain", &s, wait ? &c->waker : NULL);
}

static int count_all(struct http_request *req) {
        return count_start(req, false, NULL);
}

static int silent(struct http_request *req) {
        return count_start(req, true, ": \n\n");
}

/* Woken from another thread, one line at a time. */
struct ticker {
        atomic_uint n;
        unsigned sent;
        struct http_request_waker *waker;
};

static void *ticker_main(void *arg) {
        struct ticker *t = arg;
        struct http_request_waker *w = http_request_waker_ref(t->waker);

        for (unsigned i = 0; i < 50; i++) {
                atomic_fetch_add(&t->n, 1);
                http_request_waker_wake(w);
                if (i % 10 == 0)
                        usleep(1000);
        }
        http_request_waker_unref(w);
        return NULL;
}

static ssize_t ticker_pull(void *ctx, char *data, size_t size) {
        struct ticker *t = ctx;

        if (t->sent == 50)
                return HTTP_STREAM_END;
        if (t->sent == atomic_load(&t->n))
                return 0;
        return snprintf(data, size, "%u,", t->sent++);
}

static pthread_t ticker_thread;

static void ticker_gone(void *ctx) {
        struct ticker *t = ctx;

        pthread_join(ticker_thread, NULL);
        http_request_waker_unref(t->waker);
        free(t);
}

static int ticks(struct http_request *req) {
        struct ticker *t = calloc(1, sizeof *t);
        struct http_request_stream s = {
                .pull = ticker_pull, .gone = ticker_gone, .ctx = t, .size = -1};

        if (!t)
                return -ENOMEM;
        if (http_request_reply_stream(req, 200, "text/plain", &s, &t->waker) < 0)
                return -ENOMEM;
        return pthread_create(&ticker_thread, NULL, ticker_main, t) == 0 ? 0 : -EAGAIN;
}

/* --- files
 * ----------------------------------------------------------------------------------------- */

static int file(struct http_request *req) {
        char path[] = "/tmp/onebox-test-XXXXXX";
        struct http_request_file f = {
                .fd = mkstemp(path), .size = 26, .etag = "v1", .filename = "a\"b.txt"};

        unlink(path);
        if (f.fd < 0 || write(f.fd, "abcdefghijklmnopqrstuvwxyz", 26) != 26)
                return -EIO;
        return http_request_reply_file(req, &f);
}

static int big_json(struct http_request *req) {
        struct buf b = {};

        buf_add_fill(&b, 'x', 5000);
        return http_request_reply_json(req, 200, &b);
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
        HTTP_ROUTE(HTTP_PUT, "/up", up_end, 0, 0, .max_body = SIZE_MAX, .body = &up_ops),
        HTTP_ROUTE(HTTP_PUT, "/up-worker", up_end, 0, HTTP_WORKER, .max_body = 2000,
                   .body = &up_ops),
        HTTP_ROUTE(HTTP_GET, "/count", count_all, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/silent", silent, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/ticks", ticks, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/file", file, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/json", big_json, 0, 0),
};

static int setup(void **state) {
        struct net_test *t = calloc(1, sizeof *t);

        t->rows = rows;
        t->n_rows = ARRAY_SIZE(rows);
        t->options.idle_for = 2 * USEC_PER_SEC;
        t->options.stall_for = 2 * USEC_PER_SEC;
        net_test_start(t);
        *state = t;
        return 0;
}

static int teardown(void **state) {
        net_test_stop(*state);
        free(*state);
        return 0;
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
        net_test_expect(*state, "GET /hello?a=%f HTTP/1.1\r\n" H "\r\n", 400, NULL);
}

static void test_body(void **state) {
        net_test_expect(*state, "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 200,
                        "abc");
        net_test_expect(*state, "POST /echo HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 200, "");
        net_test_expect(*state,
                        "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
                        "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
                        200, "abcde");
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
        a = net_test_ask(*state, "HEAD /count HTTP/1.1\r\n" H "\r\n");
        assert_int_equal(a.status, 200);
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

static void test_streamed_body(void **state) {
        struct net_test *t = *state;
        struct buf b = {};
        unsigned n_before = atomic_load(&n_aborted);

        atomic_store(&n_received, 0);
        buf_add_str(&b, "PUT /up HTTP/1.1\r\n" H "Content-Length: 3000000\r\n\r\n");
        buf_add_fill(&b, 'x', 3000000);
        net_test_expect(t, b.data, 200, "3000000");
        assert_int_equal(atomic_load(&n_received), 3000000);
        buf_reset(&b);
        buf_add_str(&b, "PUT /up?pause=1 HTTP/1.1\r\n" H "Content-Length: 1000000\r\n\r\n");
        buf_add_fill(&b, 'x', 1000000);
        net_test_expect(t, b.data, 200, "1000000");
        assert_int_equal(atomic_load(&n_received), 4000000);
        net_test_expect(t, "PUT /up HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 200, "0");
        assert_int_equal(atomic_load(&n_aborted), n_before);
        buf_done(&b);
}

static void test_streamed_body_refused(void **state) {
        struct net_test *t = *state;
        unsigned n_before = atomic_load(&n_aborted);
        struct buf b = {};

        net_test_expect(t, "PUT /up?refuse=1 HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 403,
                        NULL);
        assert_int_equal(atomic_load(&n_aborted), n_before);
        net_test_expect(t, "PUT /up?break=1 HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 500,
                        NULL);
        assert_int_equal(atomic_load(&n_aborted), n_before + 1);
        net_test_expect(t, "PUT /up-worker HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 200,
                        "3");
        buf_add_str(&b,
                    "PUT /up-worker HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nbb8\r\n");
        buf_add_fill(&b, 'x', 3000);
        buf_add_str(&b, "\r\n0\r\n\r\n");
        net_test_expect(t, b.data, 413, NULL);
        assert_int_equal(atomic_load(&n_aborted), n_before + 2);
        buf_done(&b);
}

/* Waits until a counter reaches n: progress of another thread, bounded by 20 s. */
static void wait_for(atomic_uint *counter, unsigned n) {
        usec_t until = net_test_now() + 20 * USEC_PER_SEC;

        while (atomic_load(counter) < n && net_test_now() < until)
                usleep(1000);
        assert_true(atomic_load(counter) >= n);
}

static void test_streamed_body_cut(void **state) {
        struct net_test *t = *state;
        unsigned n_before = atomic_load(&n_aborted);
        int fd = net_test_connect(t);

        net_test_send(fd, "PUT /up HTTP/1.1\r\n" H "Content-Length: 100\r\n\r\nabc");
        wait_for(&n_begun, 1);
        close(fd);
        wait_for(&n_aborted, n_before + 1);
}

static void test_stream(void **state) {
        unsigned n_before = atomic_load(&n_gone);

        net_test_expect(*state, "GET /count HTTP/1.1\r\n" H "\r\n", 200,
                        "line 0\nline 1\nline 2\n");
        wait_for(&n_gone, n_before + 1);
}

static void test_stream_woken(void **state) {
        struct net_test_answer a = net_test_ask(*state, "GET /ticks HTTP/1.1\r\n" H "\r\n");

        assert_int_equal(a.status, 200);
        assert_true(strncmp(a.body, "0,1,2,", 6) == 0);
        assert_string_equal(a.body + a.body_size - 3, "49,");
        net_test_answer_done(&a);
}

static void test_stream_client_gone(void **state) {
        struct net_test *t = *state;
        unsigned n_before = atomic_load(&n_gone);
        struct buf b = {};
        int fd = net_test_connect(t);

        net_test_send(fd, "GET /silent HTTP/1.1\r\n" H "\r\n");
        while (!strstr(buf_cstr(&b), "\r\n\r\n"))
                assert_true(net_test_more(fd, &b, 10000));
        close(fd);
        wait_for(&n_gone, n_before + 1);
        buf_done(&b);
}

static void test_file(void **state) {
        struct net_test_answer a = net_test_ask(*state, "GET /file HTTP/1.1\r\n" H "\r\n");

        assert_int_equal(a.status, 200);
        assert_string_equal(a.body, "abcdefghijklmnopqrstuvwxyz");
        assert_string_equal(net_test_header(&a, "ETag"), "\"v1\"");
        assert_string_equal(net_test_header(&a, "Content-Disposition"),
                            "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%22b.txt");
        net_test_answer_done(&a);
        a = net_test_ask(*state, "GET /file HTTP/1.1\r\n" H "Range: bytes=5-7\r\n\r\n");
        assert_int_equal(a.status, 206);
        assert_string_equal(a.body, "fgh");
        assert_string_equal(net_test_header(&a, "Content-Range"), "bytes 5-7/26");
        net_test_answer_done(&a);
        net_test_expect(*state, "GET /file HTTP/1.1\r\n" H "Range: bytes=-3\r\n\r\n", 206, "xyz");
        net_test_expect(*state, "GET /file HTTP/1.1\r\n" H "Range: bytes=24-\r\n\r\n", 206, "yz");
        net_test_expect(*state, "GET /file HTTP/1.1\r\n" H "Range: bytes=26-\r\n\r\n", 416, "");
        net_test_expect(*state, "GET /file HTTP/1.1\r\n" H "Range: bytes=1-2,4-5\r\n\r\n", 200,
                        NULL);
        net_test_expect(*state, "GET /file HTTP/1.1\r\n" H "If-None-Match: \"v1\"\r\n\r\n", 304,
                        "");
        net_test_expect(*state,
                        "GET /file HTTP/1.1\r\n" H "Range: bytes=5-7\r\nIf-Range: \"v2\"\r\n\r\n",
                        200, NULL);
}

static void test_gzip(void **state) {
        struct net_test_answer a = net_test_ask(*state, "GET /json HTTP/1.1\r\n" H
                                                        "Accept-Encoding: gzip, deflate\r\n\r\n");

        assert_int_equal(a.status, 200);
        assert_string_equal(net_test_header(&a, "Content-Encoding"), "gzip");
        assert_true(a.body_size < 200);
        net_test_answer_done(&a);
        a = net_test_ask(*state, "GET /json HTTP/1.1\r\n" H "\r\n");
        assert_int_equal(a.body_size, 5000);
        net_test_answer_done(&a);
        a = net_test_ask(*state,
                         "GET /count?n=2000 HTTP/1.1\r\n" H "Accept-Encoding: gzip\r\n\r\n");
        assert_string_equal(net_test_header(&a, "Content-Encoding"), "gzip");
        net_test_answer_done(&a);
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
        wait_for(&n_drained, 1);
        close(fd);
        buf_done(&rest);
        net_test_stop(&t);
}

static void test_freed_with_streams_open(void **state) {
        struct net_test t = {.rows = rows, .n_rows = ARRAY_SIZE(rows)};
        unsigned n_before = atomic_load(&n_gone);
        struct buf b = {};
        int fd;

        net_test_start(&t);
        fd = net_test_connect(&t);
        net_test_send(fd, "GET /silent HTTP/1.1\r\n" H "\r\n");
        while (!strstr(buf_cstr(&b), "\r\n\r\n"))
                assert_true(net_test_more(fd, &b, 10000));
        net_test_stop(&t);
        assert_int_equal(atomic_load(&n_gone), n_before + 1);
        close(fd);
        buf_done(&b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_simple),
                cmocka_unit_test(test_wrong_method),
                cmocka_unit_test(test_params),
                cmocka_unit_test(test_body),
                cmocka_unit_test(test_body_too_large),
                cmocka_unit_test(test_smuggling),
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
                cmocka_unit_test(test_streamed_body),
                cmocka_unit_test(test_streamed_body_refused),
                cmocka_unit_test(test_streamed_body_cut),
                cmocka_unit_test(test_stream),
                cmocka_unit_test(test_stream_woken),
                cmocka_unit_test(test_stream_client_gone),
                cmocka_unit_test(test_file),
                cmocka_unit_test(test_gzip),
                cmocka_unit_test(test_slow_header),
                cmocka_unit_test(test_unix_peer),
                cmocka_unit_test(test_full_server_evicts_idle),
                cmocka_unit_test(test_drain),
                cmocka_unit_test(test_freed_with_streams_open),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
