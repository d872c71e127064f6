/* The server while memory runs out at every place in turn, and clients that dribble. */
#include "tests/unit/net_test_server.h"

#include "lib/base/fault.h"

static int hello(struct http_request *req) {
        char *text = arena_printf(req->arena, "%s %s", http_request_param(req, "name"),
                                  http_request_query(req, "q") ?: "-");

        (void) http_request_set_header(req, "X-One", "1");
        return text ? http_request_reply_text(req, 200, text) : -ENOMEM;
}

static int big(struct http_request *req) {
        struct buf b = {};

        buf_add_fill(&b, 'x', 5000);
        return http_request_reply_json(req, 200, &b);
}

static int echo(struct http_request *req) {
        return http_request_reply(req, 200, "text/plain", req->body, req->body_size);
}

static atomic_int n_streams;

static ssize_t pull(void *ctx, char *data, size_t size) {
        unsigned *n = ctx;

        return *n == 3 ? HTTP_STREAM_END : (ssize_t) snprintf(data, size, "%u\n", (*n)++);
}

static void gone(void *ctx) {
        free(ctx);
        atomic_fetch_sub(&n_streams, 1);
}

static int stream(struct http_request *req) {
        struct http_request_stream s = {
                .pull = pull, .gone = gone, .ctx = calloc(1, sizeof(unsigned)), .size = -1};

        atomic_fetch_add(&n_streams, 1);
        return http_request_reply_stream(req, 200, "text/plain", &s, NULL);
}

static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_GET, "/hello/{name}", hello, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/worker/{name}", hello, 0, HTTP_WORKER),
        HTTP_ROUTE(HTTP_GET, "/big", big, 0, 0),
        HTTP_ROUTE(HTTP_POST, "/echo", echo, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/stream", stream, 0, 0),
};

#define H "Host: localhost\r\nAccept-Encoding: gzip\r\n"

static const char *const requests[] = {
        "GET /hello/ada?q=1 HTTP/1.1\r\n" H "\r\n",
        "GET /worker/ada?q=1 HTTP/1.1\r\n" H "\r\n",
        "GET /big HTTP/1.1\r\n" H "\r\n",
        "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello",
        "GET /stream HTTP/1.1\r\n" H "\r\n",
        "GET /nothing HTTP/1.1\r\n" H "\r\n",
        "GET /%zz HTTP/1.1\r\n" H "\r\n",
};

/* Sends with Connection: close behaviour by shutting down our side after the answer began. */
static unsigned status_of(const struct net_test *t, const char *text) {
        struct buf b = {};
        unsigned status = 0;
        int fd = net_test_connect(t);

        net_test_send(fd, text);
        while (!strstr(buf_cstr(&b), "\r\n\r\n") && net_test_more(fd, &b, 10000))
                ;
        if (b.len > 12)
                status = (unsigned) atoi(b.data + 9);
        buf_done(&b);
        close(fd);
        return status;
}

/* Whatever allocation fails, the client gets an answer or a closed connection, and the next request
 * is served as ever. */
static void test_no_memory(void **state) {
        struct net_test *t = *state;

        for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
                unsigned expected = status_of(t, requests[i]), n_failed = 0;

                assert_true(expected >= 200);
                for (unsigned nth = 1; nth <= 40; nth++) {
                        unsigned status;

                        fault_arm(FAULT_ALLOC, nth, ENOMEM, 1);
                        status = status_of(t, requests[i]);
                        if (fault_count(FAULT_ALLOC) < nth)
                                break;
                        fault_reset();
                        n_failed += status != expected;
                        assert_true(status == 0 || status == 500 || status == expected);
                }
                fault_reset();
                assert_true(n_failed > 0 || strstr(requests[i], "echo"));
                assert_int_equal(status_of(t, requests[i]), expected);
        }
}

/* All memory gone for a while. */
static void test_no_memory_at_all(void **state) {
        struct net_test *t = *state;

        for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
                unsigned status;

                fault_arm(FAULT_ALLOC, 1, ENOMEM, 0);
                status = status_of(t, requests[i]);
                fault_reset();
                assert_true(status == 0 || status >= 200);
        }
        net_test_expect(t, "GET /hello/x HTTP/1.1\r\nHost: localhost\r\n\r\n", 200, "x -");
        for (usec_t until = net_test_now() + 10 * USEC_PER_SEC;
             atomic_load(&n_streams) > 0 && net_test_now() < until;)
                usleep(1000);
        assert_int_equal(atomic_load(&n_streams), 0);
}

/* A body that comes a byte at a time is cut, however alive its client looks. */
static void test_dribbled_body(void **state) {
        struct net_test *t = *state;
        int fd = net_test_connect(t);
        struct pollfd p = {.fd = fd, .events = POLLIN | POLLRDHUP};
        usec_t began_at = net_test_now();
        unsigned n = 0;

        net_test_send(fd, "POST /echo HTTP/1.1\r\n" H "Content-Length: 100000\r\n\r\n");
        while (n < 300 && send(fd, "x", 1, MSG_NOSIGNAL) == 1 && poll(&p, 1, 50) == 0)
                n++;
        assert_true(n < 300);
        assert_true(net_test_now() - began_at > USEC_PER_SEC);
        close(fd);
}

static int setup(void **state) {
        struct net_test *t = calloc(1, sizeof *t);

        t->rows = rows;
        t->n_rows = ARRAY_SIZE(rows);
        t->options.idle_for = 5 * USEC_PER_SEC;
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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_no_memory_at_all),
                cmocka_unit_test(test_dribbled_body),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
