/* The answer's parser, whole and byte by byte. */
#include "tests/unit/net_test_cmocka.h"

#include "lib/net/http_response.h"

struct result {
        int error; /* of head, body or eof */
        struct http_response r;
        struct buf body;
};

static int feed(struct result *x, const char *text, size_t size, size_t step) {
        char *copy = malloc(size + 1);
        int r = 0;

        assert_non_null(copy);
        memcpy(copy, text, size);
        for (size_t at = 0; at < size && r >= 0; at += step) {
                size_t n = MIN(step, size - at);
                ssize_t used = http_response_head(&x->r, copy + at, n), got = 0;

                if (used >= 0 && x->r.has_head) {
                        got = http_response_body(&x->r, copy + at + used, n - (size_t) used);
                        if (got > 0)
                                buf_add(&x->body, copy + at + used, (size_t) got);
                }
                r = (int) (used < 0 ? used : got);
        }
        free(copy);
        return r < 0 ? r : http_response_eof(&x->r);
}

static void parse(struct result *x, const char *text, size_t step, bool to_head) {
        *x = (struct result){};
        http_response_init(&x->r, to_head);
        x->error = feed(x, text, strlen(text), step);
}

static void result_done(struct result *x) {
        http_response_done(&x->r);
        buf_done(&x->body);
}

/* In pieces of every size the same comes out. */
static void check(const char *text, int error, int status, const char *body, bool keep_alive) {
        for (size_t step = 1; step <= strlen(text) + 1; step++) {
                struct result x;

                parse(&x, text, step, false);
                assert_int_equal(x.error, error);
                if (error == 0) {
                        assert_int_equal(x.r.status, status);
                        assert_string_equal(buf_cstr(&x.body), body);
                        assert_int_equal(x.r.keep_alive, keep_alive);
                        assert_true(x.r.is_complete);
                }
                result_done(&x);
        }
}

static void test_framings(void **state) {
        check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 0, 200, "hello", true);
        check("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 200, "", true);
        check("HTTP/1.1 204\r\n\r\n", 0, 204, "", true);
        check("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 0, 304, "", true);
        check("HTTP/1.0 200 OK\r\n\r\nuntil the end", 0, 200, "until the end", false);
        check("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", 0, 200, "x",
              false);
        check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
              "3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
              0, 200, "abc0123456789", true);
        check("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", 0,
              201, "ok", true);
}

static void test_broken(void **state) {
        static const char *const texts[] = {
                "HTTP/2 200 OK\r\n\r\n",
                "HTTP/1.1 20 OK\r\n\r\n",
                "HTTP/1.1 2000 OK\r\n\r\n",
                "HTTP/1.1 0200 OK\r\n\r\n",
                "SSH-2.0-x\r\n\r\n",
                "HTTP/1.1 101 Switching\r\n\r\n",
                "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
                "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
                "HTTP/1.1 200 OK\r\nA b: x\r\n\r\n",
                "HTTP/1.1 200 OK\r\nA: x\r\n folded\r\n\r\n",
                "HTTP/1.1 200 OK\r\nA: x\ny: z\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
                "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy",
                "HTTP/1.1 204 No\r\n\r\nx",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx",
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                check(texts[i], -EPROTO, 0, "", false);
}

static void test_cut_off(void **state) {
        static const char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                   "3\r\nabc\r\n0\r\n\r\n";

        for (size_t n = 0; n < sizeof text - 1; n++) {
                struct result x = {};

                http_response_init(&x.r, false);
                assert_int_equal(feed(&x, text, n, 1), -ECONNRESET);
                result_done(&x);
        }
}

static void test_head_request(void **state) {
        struct result x;

        parse(&x, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", 7, true);
        assert_int_equal(x.error, 0);
        assert_int_equal(http_response_length(&x.r), 500);
        result_done(&x);
}

static void test_headers(void **state) {
        struct result x;

        parse(&x, "HTTP/1.1 200 OK\r\nA:  x y \r\nB:\r\na: second\r\nContent-Length: 0\r\n\r\n", 3,
              false);
        assert_string_equal(http_response_header(&x.r, "a"), "x y");
        assert_string_equal(http_response_header(&x.r, "b"), "");
        assert_null(http_response_header(&x.r, "c"));
        assert_int_equal(x.r.n_headers, 4);
        result_done(&x);
}

static void test_limits(void **state) {
        struct buf b = {};
        struct result x;

        buf_add_str(&b, "HTTP/1.1 200 OK\r\nA: ");
        buf_add_fill(&b, 'x', HTTP_RESPONSE_HEAD_MAX);
        parse(&x, b.data, 4096, false);
        assert_int_equal(x.error, -E2BIG);
        result_done(&x);
        buf_reset(&b);
        buf_add_str(&b, "HTTP/1.1 200 OK\r\n");
        for (unsigned i = 0; i <= HTTP_RESPONSE_HEADERS_MAX; i++)
                buf_add_str(&b, "A: x\r\n");
        buf_add_str(&b, "\r\n");
        parse(&x, b.data, 4096, false);
        assert_int_equal(x.error, -E2BIG);
        result_done(&x);
        buf_done(&b);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_framings), cmocka_unit_test(test_broken),
                cmocka_unit_test(test_cut_off),  cmocka_unit_test(test_head_request),
                cmocka_unit_test(test_headers),  cmocka_unit_test(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
