/* The blocking call against our server and against peers that misbehave. */
#include "tests/unit/net_test_server.h"

#include "lib/net/http_call.h"

static int echo(struct http_request *req) {
        char *text = arena_printf(req->arena, "%s|%s|%s|%s|%s", req->method_name,
                                  http_request_content_type(req),
                                  http_request_header(req, "Authorization") ?: "-",
                                  http_request_header(req, "X-One") ?: "-", req->body);

        return text ? http_request_reply_text(req, 200, text) : -ENOMEM;
}

static int large(struct http_request *req) {
        struct buf b = {};

        buf_add_fill(&b, 'x', 100000);
        return http_request_reply_buf(req, 200, "text/x", &b);
}

static int refuse(struct http_request *req) {
        return http_request_reply_error(req, 418, "no");
}

static ssize_t lines_pull(void *ctx, char *data, size_t size) {
        unsigned *n = ctx;

        return *n == 5 ? HTTP_STREAM_END : (ssize_t) snprintf(data, size, "%u\n", (*n)++);
}

static int lines(struct http_request *req) {
        struct http_request_stream s = {
                .pull = lines_pull, .gone = free, .ctx = calloc(1, sizeof(unsigned)), .size = -1};

        return http_request_reply_stream(req, 200, "text/plain", &s, NULL);
}

static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_ANY, "/echo", echo, 0, 0, .max_body = 8 << 20),
        HTTP_ROUTE(HTTP_GET, "/large", large, 0, 0),
        HTTP_ROUTE(HTTP_ANY, "/fail", refuse, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/lines", lines, 0, 0),
};

static int setup(void **state) {
        struct net_test *t = calloc(1, sizeof *t);

        t->rows = rows;
        t->n_rows = ARRAY_SIZE(rows);
        net_test_start(t);
        *state = t;
        return 0;
}

static int teardown(void **state) {
        net_test_stop(*state);
        free(*state);
        return 0;
}

static void check(struct http_call c, const char *body) {
        struct http_call_answer a;
        struct errmsg em = {};
        int r = http_call(&c, &a, &em);

        if (r < 0)
                fail_msg("%s", em.text);
        assert_int_equal(a.status, 200);
        assert_string_equal(buf_cstr(&a.body), body);
        http_call_answer_done(&a);
}

static void test_calls(void **state) {
        struct net_test *t = *state;
        static const char *const headers[] = {"X-One: 1", NULL};

        check((struct http_call){.address = t->bound, .target = "/echo"}, "GET||-|-|");
        check((struct http_call){.address = t->bound,
                                 .target = "/echo",
                                 .body = "{}",
                                 .body_size = 2,
                                 .token = "abc",
                                 .headers = headers},
              "POST|application/json|Bearer abc|1|{}");
        check((struct http_call){.address = t->bound, .target = "/echo", .method = "DELETE"},
              "DELETE||-|-|");
        check((struct http_call){.address = t->bound,
                                 .target = "/echo",
                                 .method = "PUT",
                                 .content_type = "text/x",
                                 .body = "",
                                 .body_size = 0},
              "PUT|text/x|-|-|");
        check((struct http_call){.address = t->bound, .target = "/lines"}, "0\n1\n2\n3\n4\n");
        check((struct http_call){.address = t->bound, .target = "/echo", .method = "HEAD"}, "");
}

static void test_unix(void **state) {
        struct net_test t = {.rows = rows, .n_rows = ARRAY_SIZE(rows)};
        char path[64];

        snprintf(path, sizeof path, "unix:/tmp/onebox-test-call-%d.sock", (int) getpid());
        t.address = path;
        net_test_start(&t);
        check((struct http_call){.address = path, .target = "/echo"}, "GET||-|-|");
        net_test_stop(&t);
        strcat(path, ".lock");
        unlink(path + 5);
}

static void test_status_and_limits(void **state) {
        struct net_test *t = *state;
        struct http_call c = {.address = t->bound, .target = "/fail"};
        struct http_call_answer a;

        assert_int_equal(http_call(&c, &a, NULL), 0);
        assert_int_equal(a.status, 418);
        assert_string_equal(a.content_type, "application/json");
        http_call_answer_done(&a);
        c.target = "/large";
        c.max_body = 99999;
        assert_int_equal(http_call(&c, &a, NULL), -EFBIG);
        c.max_body = 100000;
        assert_int_equal(http_call(&c, &a, NULL), 0);
        assert_int_equal(a.body.len, 100000);
        http_call_answer_done(&a);
}

static int add_piece(void *ctx, const char *data, size_t size) {
        struct buf *b = ctx;

        buf_add(b, data, size);
        return b->len >= 4 ? 17 : 0;
}

static void test_chunk_callback(void **state) {
        struct net_test *t = *state;
        _cleanup_buf_ struct buf b = {};
        struct http_call c = {
                .address = t->bound, .target = "/lines", .chunk = add_piece, .chunk_ctx = &b};
        struct http_call_answer a;

        assert_int_equal(http_call(&c, &a, NULL), 17);
        assert_int_equal(strncmp(b.data, "0\n1\n", 4), 0);
        http_call_answer_done(&a);
}

static void test_bad_requests(void **state) {
        struct net_test *t = *state;
        static const char *const headers[] = {"X: a\r\nY: b", NULL};
        const struct http_call bad[] = {
                {.address = t->bound, .target = "/a b"},
                {.address = t->bound, .target = "/a\r\nX: y"},
                {.address = t->bound, .target = "/", .method = "GET\n"},
                {.address = t->bound, .target = "/", .token = "a\r\nb"},
                {.address = t->bound, .target = "/", .headers = headers},
                {.address = "nonsense", .target = "/"},
                {.address = "example.org:80", .target = "/"},
        };
        struct http_call_answer a;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct errmsg em = {};

                assert_int_equal(http_call(&bad[i], &a, &em), -EINVAL);
                assert_true(strlen(em.text) > 10);
        }
}

/* A peer on its own thread that reads something and says `text`. */
struct peer {
        int fd;
        uint16_t port;
        const char *text;
        pthread_t thread;
        char address[32];
};

static void *peer_main(void *arg) {
        struct peer *p = arg;
        char data[4096];
        int fd = accept(p->fd, NULL, NULL);

        if (fd < 0)
                return NULL;
        if (recv(fd, data, sizeof data, 0) > 0 && p->text)
                (void) !send(fd, p->text, strlen(p->text), MSG_NOSIGNAL);
        if (!p->text)
                (void) !recv(fd, data, sizeof data, 0);
        close(fd);
        return NULL;
}

static void peer_start(struct peer *p, const char *text) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof a;

        p->text = text;
        p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(p->fd, (struct sockaddr *) &a, size), 0);
        assert_int_equal(listen(p->fd, 1), 0);
        assert_int_equal(getsockname(p->fd, (struct sockaddr *) &a, &size), 0);
        snprintf(p->address, sizeof p->address, "127.0.0.1:%u", ntohs(a.sin_port));
        assert_int_equal(pthread_create(&p->thread, NULL, peer_main, p), 0);
}

static void peer_stop(struct peer *p) {
        pthread_join(p->thread, NULL);
        close(p->fd);
}

static void check_peer(const char *text, int expected) {
        struct http_call c = {.target = "/", .stall_for = 200 * USEC_PER_MSEC};
        struct http_call_answer a;
        struct errmsg em = {};
        struct peer p;

        peer_start(&p, text);
        c.address = p.address;
        assert_int_equal(http_call(&c, &a, &em), expected);
        assert_true(strlen(em.text) > 10);
        peer_stop(&p);
}

static void test_bad_peers(void **state) {
        struct http_call c = {.target = "/", .address = "unix:/nonexistent/sock"};
        struct http_call_answer a;
        struct errmsg em = {};

        check_peer("SSH-2.0-OpenSSH\r\n\r\n", -EPROTO);
        check_peer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", -ECONNRESET);
        check_peer("", -ECONNRESET);
        check_peer(NULL, -ETIMEDOUT);
        assert_int_equal(http_call(&c, &a, &em), -ENOENT);
        assert_non_null(strstr(em.text, "/nonexistent/sock"));
}

/* The answer comes before the body is read: it is still seen. */
static void test_early_answer(void **state) {
        struct peer p;
        struct http_call_answer a;
        size_t size = 4 << 20;
        char *body = calloc(1, size);
        struct http_call c = {.target = "/", .body = body, .body_size = size};
        int r;

        peer_start(&p, "HTTP/1.1 413 Too large\r\nContent-Length: 2\r\n\r\nno");
        c.address = p.address;
        r = http_call(&c, &a, NULL);
        /* The kernel may drop what was said when it resets; else the answer is whole. */
        if (r == 0) {
                assert_int_equal(a.status, 413);
                http_call_answer_done(&a);
        } else {
                assert_true(r == -ECONNRESET || r == -EPIPE);
        }
        peer_stop(&p);
        free(body);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_calls),
                cmocka_unit_test(test_unix),
                cmocka_unit_test(test_status_and_limits),
                cmocka_unit_test(test_chunk_callback),
                cmocka_unit_test(test_bad_requests),
                cmocka_unit_test(test_bad_peers),
                cmocka_unit_test(test_early_answer),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
