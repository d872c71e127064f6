/* Bodies given to their row piece by piece: pauses, refusals, cuts. */
#include "tests/unit/net_test_server.h"

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

static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_PUT, "/up", up_end, 0, 0, .max_body = SIZE_MAX, .body = &up_ops),
        HTTP_ROUTE(HTTP_PUT, "/up-worker", up_end, 0, HTTP_WORKER, .max_body = 2000,
                   .body = &up_ops),
};

static int setup(void **state) {
        return net_test_setup(state, rows, ARRAY_SIZE(rows));
}

#define H "Host: localhost\r\n"

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

static void test_streamed_body_cut(void **state) {
        struct net_test *t = *state;
        unsigned n_before = atomic_load(&n_aborted);
        int fd = net_test_connect(t);

        net_test_send(fd, "PUT /up HTTP/1.1\r\n" H "Content-Length: 100\r\n\r\nabc");
        net_test_wait_for(&n_begun, 1);
        close(fd);
        net_test_wait_for(&n_aborted, n_before + 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_streamed_body),
                cmocka_unit_test(test_streamed_body_refused),
                cmocka_unit_test(test_streamed_body_cut),
        };

        return cmocka_run_group_tests(tests, setup, net_test_teardown);
}
