/* The asynchronous client against our server. */
#include "tests/unit/net_test_server.h"

#include "lib/net/http_client.h"

static int echo(struct http_request *req) {
        char *text = arena_printf(
                req->arena, "%s|%s|%s|%zu|%.20s", req->method_name, http_request_content_type(req),
                http_request_header(req, "Authorization") ?: "-", req->body_size, req->body);

        (void) http_request_set_header(req, "X-Answer", "yes");
        return text ? http_request_reply_text(req, 200, text) : -ENOMEM;
}

static ssize_t endless_pull(void *ctx, char *data, size_t size) {
        memset(data, 'x', size);
        return (ssize_t) size;
}

static void endless_gone(void *ctx) {
}

static int endless(struct http_request *req) {
        struct http_request_stream s = {.pull = endless_pull, .gone = endless_gone, .size = -1};

        return http_request_reply_stream(req, 200, "application/x", &s, NULL);
}

static ssize_t silent_pull(void *ctx, char *data, size_t size) {
        return 0;
}

static int silent(struct http_request *req) {
        struct http_request_stream s = {.pull = silent_pull, .gone = endless_gone, .size = -1};

        return http_request_reply_stream(req, 200, "application/x", &s, NULL);
}

static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_ANY, "/echo", echo, 0, 0, .max_body = 8 << 20),
        HTTP_ROUTE(HTTP_GET, "/endless", endless, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/silent", silent, 0, 0),
};

struct fixture {
        struct net_test server;
        struct loop *loop;
        struct http_client *client;
};

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof *f);

        f->server.rows = rows;
        f->server.n_rows = ARRAY_SIZE(rows);
        net_test_start(&f->server);
        assert_int_equal(loop_new(&f->loop), 0);
        assert_int_equal(http_client_new(f->loop, NULL, &f->client), 0);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        http_client_free(f->client);
        loop_free(f->loop);
        net_test_stop(&f->server);
        free(f);
        return 0;
}

struct call {
        struct fixture *f;
        char url[128];
        unsigned *n_left;
        /* what came */
        int error, status;
        char body[128], text[256], header[16];
        /* streams */
        size_t n_sent, n_received, n_pauses;
        bool again;
        struct http_client_call *call;
};

static void on_done(void *ctx, struct http_client_call *call, const struct http_client_answer *a) {
        struct call *c = ctx;

        c->error = a->error;
        c->status = a->status;
        snprintf(c->body, sizeof c->body, "%s", buf_cstr(a->body));
        snprintf(c->text, sizeof c->text, "%s", a->text);
        snprintf(c->header, sizeof c->header, "%s",
                 http_client_call_header(call, "x-answer") ?: "-");
        if (--*c->n_left == 0)
                loop_quit(c->f->loop, 0);
}

static struct http_client_request request(struct fixture *f, struct call *c, unsigned *n_left,
                                          const char *path) {
        *c = (struct call){.f = f, .n_left = n_left};
        ++*n_left;
        snprintf(c->url, sizeof c->url, "http://127.0.0.1:%u%s", f->server.port, path);
        return (struct http_client_request){.url = c->url, .done = on_done, .ctx = c};
}

static void test_many(void **state) {
        struct fixture *f = *state;
        static struct call calls[100];
        unsigned n_left = 0;

        for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
                struct http_client_request r = request(f, &calls[i], &n_left, "/echo");

                r.token = "t";
                if (i % 2 == 0) {
                        r.body = "{}";
                        r.body_size = 2;
                }
                assert_int_equal(http_client_start(f->client, &r, NULL), 0);
        }
        assert_int_equal(loop_run(f->loop), 0);
        for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
                assert_int_equal(calls[i].error, 0);
                assert_int_equal(calls[i].status, 200);
                assert_string_equal(calls[i].body, i % 2 == 0
                                                           ? "POST|application/json|Bearer t|2|{}"
                                                           : "GET||Bearer t|0|");
                assert_string_equal(calls[i].header, "yes");
        }
}

static ssize_t read_body(void *ctx, char *data, size_t size) {
        struct call *c = ctx;
        size_t n = MIN(size, (size_t) 300000 - c->n_sent);

        if (c->n_sent == 100000 && !c->again) {
                c->again = true;
                return -EAGAIN;
        }
        if (c->n_sent < 100000)
                n = MIN(n, 100000 - c->n_sent);
        memset(data, 'y', n);
        c->n_sent += n;
        return (ssize_t) n;
}

static int on_resume(struct loop_source *s, usec_t now, void *ctx) {
        struct call *c = ctx;

        http_client_call_resume(c->call);
        return 0;
}

static void check_streamed(struct fixture *f, int64_t total) {
        unsigned n_left = 0;
        struct call c;
        struct http_client_request r = request(f, &c, &n_left, "/echo");

        r.read = read_body;
        r.body_total = total;
        r.method = "PUT";
        r.content_type = "text/y";
        assert_int_equal(http_client_start(f->client, &r, &c.call), 0);
        assert_int_equal(loop_timer_in(f->loop, 50000, 0, on_resume, &c, NULL), 0);
        assert_int_equal(loop_run(f->loop), 0);
        assert_int_equal(c.error, 0);
        assert_string_equal(c.body, "PUT|text/y|-|300000|yyyyyyyyyyyyyyyyyyyy");
}

static void test_streamed_request(void **state) {
        check_streamed(*state, 300000);
}

static void test_streamed_request_in_chunks(void **state) {
        check_streamed(*state, -1);
}

static int take_some(void *ctx, struct http_client_call *call, const char *data, size_t size) {
        struct call *c = ctx;

        if (c->n_received > 1000000)
                return -ECANCELED;
        if (!c->again) {
                c->again = true;
                c->n_pauses++;
                loop_timer_in(c->f->loop, 1000, 0, on_resume, c, NULL);
                return HTTP_CLIENT_PAUSE;
        }
        c->again = false;
        c->n_received += size;
        return 0;
}

static void test_streamed_answer(void **state) {
        struct fixture *f = *state;
        unsigned n_left = 0;
        struct call c;
        struct http_client_request r = request(f, &c, &n_left, "/endless");

        r.write = take_some;
        assert_int_equal(http_client_start(f->client, &r, &c.call), 0);
        assert_int_equal(loop_run(f->loop), 0);
        assert_int_equal(c.error, -ECANCELED);
        assert_int_equal(c.status, 200);
        assert_true(c.n_received > 1000000);
        assert_true(c.n_pauses > 10);
}

static void test_failures(void **state) {
        struct fixture *f = *state;
        unsigned n_left = 0;
        struct call large, stalled, nobody, away;
        struct http_client_request r = request(f, &large, &n_left, "/endless");

        r.max_body = 1000000;
        assert_int_equal(http_client_start(f->client, &r, NULL), 0);
        r = request(f, &stalled, &n_left, "/silent");
        r.total_for = 300 * USEC_PER_MSEC;
        assert_int_equal(http_client_start(f->client, &r, NULL), 0);
        r = request(f, &nobody, &n_left, "/");
        snprintf(nobody.url, sizeof nobody.url, "http://127.0.0.1:1/");
        assert_int_equal(http_client_start(f->client, &r, NULL), 0);
        r = request(f, &away, &n_left, "/");
        r.unix_path = "/nonexistent/sock";
        assert_int_equal(http_client_start(f->client, &r, NULL), 0);
        assert_int_equal(loop_run(f->loop), 0);
        assert_int_equal(large.error, -EFBIG);
        assert_int_equal(stalled.error, -ETIMEDOUT);
        assert_int_equal(nobody.error, -ECONNREFUSED);
        assert_int_equal(away.error, -ECONNREFUSED);
        assert_non_null(strstr(nobody.text, "Connection refused"));
}

/* A proxy of the environment is not for loopback. */
static void test_no_proxy(void **state) {
        struct fixture *f = *state;
        unsigned n_left = 0;
        struct call c;
        struct http_client_request r = request(f, &c, &n_left, "/echo");

        setenv("http_proxy", "http://127.0.0.1:1", 1);
        assert_int_equal(http_client_start(f->client, &r, NULL), 0);
        assert_int_equal(loop_run(f->loop), 0);
        unsetenv("http_proxy");
        assert_int_equal(c.error, 0);
        assert_int_equal(c.status, 200);
}

static void test_bad_requests(void **state) {
        struct fixture *f = *state;
        unsigned n_left = 0;
        struct call c;
        struct http_client_request r = request(f, &c, &n_left, "/");
        static const char *const headers[] = {"X: a\nb", NULL};

        r.headers = headers;
        assert_int_equal(http_client_start(f->client, &r, NULL), -EINVAL);
        r = request(f, &c, &n_left, "/");
        r.token = "a\r\nX: y";
        assert_int_equal(http_client_start(f->client, &r, NULL), -EINVAL);
}

static void test_unix(void **state) {
        struct fixture *f = *state;
        struct net_test t = {.rows = rows, .n_rows = ARRAY_SIZE(rows)};
        unsigned n_left = 0;
        char path[64];
        struct call c;
        struct http_client_request r = request(f, &c, &n_left, "/");

        snprintf(path, sizeof path, "unix:/tmp/onebox-test-client-%d.sock", (int) getpid());
        t.address = path;
        net_test_start(&t);
        snprintf(c.url, sizeof c.url, "http://localhost/echo");
        r.unix_path = path + 5;
        assert_int_equal(http_client_start(f->client, &r, NULL), 0);
        assert_int_equal(loop_run(f->loop), 0);
        assert_int_equal(c.error, 0);
        assert_string_equal(c.body, "GET||-|0|");
        net_test_stop(&t);
        strcat(path, ".lock");
        unlink(path + 5);
}

static void on_never(void *ctx, struct http_client_call *call, const struct http_client_answer *a) {
        fail();
}

static void test_cancel_and_free(void **state) {
        struct fixture *f = *state;
        unsigned n_left = 0;
        struct call c, kept;
        struct http_client_request r = request(f, &c, &n_left, "/silent");

        r.done = on_never;
        assert_int_equal(http_client_start(f->client, &r, &c.call), 0);
        assert_true(loop_turn(f->loop, 100000) >= 0);
        http_client_call_cancel(c.call);
        http_client_call_cancel(NULL);
        r = request(f, &kept, &n_left, "/silent");
        n_left = 1;
        assert_int_equal(http_client_start(f->client, &r, NULL), 0);
        assert_true(loop_turn(f->loop, 100000) >= 0);
        f->client = http_client_free(f->client);
        assert_int_equal(kept.error, -ECANCELED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_many, setup, teardown),
                cmocka_unit_test_setup_teardown(test_streamed_request, setup, teardown),
                cmocka_unit_test_setup_teardown(test_streamed_request_in_chunks, setup, teardown),
                cmocka_unit_test_setup_teardown(test_streamed_answer, setup, teardown),
                cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_proxy, setup, teardown),
                cmocka_unit_test_setup_teardown(test_bad_requests, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unix, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cancel_and_free, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
