/* Answers: pulled ones with their wakes, files with ranges, compression. */
#include "tests/unit/net_test_server.h"

#include <sys/stat.h>

struct count {
        unsigned n, n_max;
        bool wait;
        atomic_bool open;
        struct http_request_waker *waker;
};

static atomic_uint n_gone, n_silent_gone;

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
        atomic_fetch_add(c->wait ? &n_silent_gone : &n_gone, 1);
        free(c);
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
        HTTP_ROUTE(HTTP_GET, "/count", count_all, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/silent", silent, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/ticks", ticks, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/file", file, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/json", big_json, 0, 0),
};

static int setup(void **state) {
        return net_test_setup(state, rows, ARRAY_SIZE(rows));
}

#define H "Host: localhost\r\n"

static void test_head(void **state) {
        struct net_test_answer a = net_test_ask(*state, "HEAD /count HTTP/1.1\r\n" H "\r\n");

        assert_int_equal(a.status, 200);
        net_test_answer_done(&a);
}

static void test_stream(void **state) {
        unsigned n_before = atomic_load(&n_gone);

        net_test_expect(*state, "GET /count HTTP/1.1\r\n" H "\r\n", 200,
                        "line 0\nline 1\nline 2\n");
        net_test_wait_for(&n_gone, n_before + 1);
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
        unsigned n_before = atomic_load(&n_silent_gone);
        struct buf b = {};
        int fd = net_test_connect(t);

        net_test_send(fd, "GET /silent HTTP/1.1\r\n" H "\r\n");
        while (!strstr(buf_cstr(&b), "\r\n\r\n"))
                assert_true(net_test_more(fd, &b, 10000));
        close(fd);
        net_test_wait_for(&n_silent_gone, n_before + 1);
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

static void test_freed_with_streams_open(void **state) {
        struct net_test t = {.rows = rows, .n_rows = ARRAY_SIZE(rows)};
        unsigned n_before = atomic_load(&n_silent_gone);
        struct buf b = {};
        int fd;

        net_test_start(&t);
        fd = net_test_connect(&t);
        net_test_send(fd, "GET /silent HTTP/1.1\r\n" H "\r\n");
        while (!strstr(buf_cstr(&b), "\r\n\r\n"))
                assert_true(net_test_more(fd, &b, 10000));
        net_test_stop(&t);
        assert_int_equal(atomic_load(&n_silent_gone), n_before + 1);
        close(fd);
        buf_done(&b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_head),
                cmocka_unit_test(test_stream),
                cmocka_unit_test(test_stream_woken),
                cmocka_unit_test(test_stream_client_gone),
                cmocka_unit_test(test_file),
                cmocka_unit_test(test_gzip),
                cmocka_unit_test(test_freed_with_streams_open),
        };

        return cmocka_run_group_tests(tests, setup, net_test_teardown);
}
