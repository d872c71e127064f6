/* The blocking client against our server: bodies both ways, headers, limits, kept connections. */
#include "tests/unit/net_test_server.h"

#include "lib/net/http_fetch.h"

static atomic_uint n_slow;
static atomic_bool is_held;

static int echo(struct http_request *req) {
        char *text = arena_printf(
                req->arena, "%s|%s|%s|%zu|%.20s", req->method_name, http_request_content_type(req),
                http_request_header(req, "Authorization") ?: "-", req->body_size, req->body);

        (void) http_request_set_header(req, "X-Answer", " yes ");
        return text ? http_request_reply_text(req, 418, text) : -ENOMEM;
}

static int slow(struct http_request *req) {
        atomic_fetch_add(&n_slow, 1);
        while (atomic_load(&is_held))
                usleep(1000);
        return http_request_reply_text(req, 200, "late");
}

static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_ANY, "/echo", echo, 0, 0, .max_body = 8 << 20),
        HTTP_ROUTE(HTTP_GET, "/slow", slow, 0, HTTP_WORKER),
};

static int setup(void **state) {
        return net_test_setup(state, rows, ARRAY_SIZE(rows));
}

static const char *url(const struct net_test *t, const char *path) {
        static char text[128];

        snprintf(text, sizeof text, "http://127.0.0.1:%u%s", t->port, path);
        return text;
}

static void expect(struct http_fetch *f, const struct http_fetch_call *c, const char *body) {
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        char value[16];
        struct errmsg em = {};

        if (http_fetch(f, c, &a, &em) < 0)
                fail_msg("%s", em.text);
        assert_int_equal(a.status, 418);
        assert_string_equal(buf_cstr(&a.body), body);
        assert_int_equal(http_fetch_answer_header(&a, "x-answer", value, sizeof value), 0);
        assert_string_equal(value, "yes");
        assert_int_equal(http_fetch_answer_header(&a, "x-answer", value, 3), -E2BIG);
        assert_int_equal(http_fetch_answer_header(&a, "x-ans", value, sizeof value), -ENOENT);
}

static void test_calls(void **state) {
        _cleanup_(http_fetch_freep) struct http_fetch *f = NULL;
        const char *to = url(*state, "/echo");
        char *large = calloc(1, 5 << 20);

        assert_int_equal(http_fetch_new(NULL, &f), 0);
        expect(f, &(struct http_fetch_call){.url = to}, "GET||-|0|");
        expect(f, &(struct http_fetch_call){.url = to, .token = "t"}, "GET||Bearer t|0|");
        expect(f, &(struct http_fetch_call){.url = to, .body = "abc", .body_size = 3},
               "POST|application/json|-|3|abc");
        expect(f,
               &(struct http_fetch_call){
                       .url = to, .method = "PUT", .body = "", .content_type = "text/x"},
               "PUT|text/x|-|0|");
        expect(f,
               &(struct http_fetch_call){
                       .url = to, .method = "PUT", .body = "x", .body_size = 1, .content_type = ""},
               "PUT||-|1|x");
        expect(f, &(struct http_fetch_call){.url = to, .method = "DELETE"}, "DELETE||-|0|");
        expect(f, &(struct http_fetch_call){.url = to, .body = large, .body_size = 5 << 20},
               "POST|application/json|-|5242880|");
        expect(f, &(struct http_fetch_call){.url = to, .method = "HEAD"}, "");
        free(large);
}

static void test_failures(void **state) {
        static const char *const broken[] = {"A: b\r\nC: d", NULL};
        _cleanup_(http_fetch_freep) struct http_fetch *f = NULL;
        struct http_fetch_answer a;
        struct errmsg em = {};

        assert_int_equal(http_fetch_new(NULL, &f), 0);
        assert_int_equal(
                http_fetch(f, &(struct http_fetch_call){.url = url(*state, "/echo"), .max_body = 3},
                           &a, &em),
                -EFBIG);
        assert_int_equal(http_fetch(f,
                                    &(struct http_fetch_call){.url = url(*state, "/echo"),
                                                              .headers = broken},
                                    &a, &em),
                         -EINVAL);
        assert_int_equal(
                http_fetch(f, &(struct http_fetch_call){.url = "http://127.0.0.1:1/x?secret=1"}, &a,
                           &em),
                -ECONNREFUSED);
        assert_non_null(strstr(em.text, "http://127.0.0.1:1/x: "));
        assert_null(strstr(em.text, "secret"));
        assert_int_equal(
                http_fetch(f, &(struct http_fetch_call){.url = "file:///etc/passwd"}, &a, &em),
                -EINVAL);
        atomic_store(&is_held, true);
        assert_int_equal(http_fetch(f,
                                    &(struct http_fetch_call){.url = url(*state, "/slow"),
                                                              .total_for = 50 * USEC_PER_MSEC},
                                    &a, &em),
                         -ETIMEDOUT);
        atomic_store(&is_held, false);
}

static void *cancel_later(void *arg) {
        net_test_wait_for(&n_slow, 1);
        http_fetch_cancel(arg);
        return NULL;
}

static void test_cancel(void **state) {
        _cleanup_(http_fetch_freep) struct http_fetch *f = NULL;
        struct http_fetch_answer a;
        struct errmsg em = {};
        pthread_t thread;

        assert_int_equal(http_fetch_new(NULL, &f), 0);
        atomic_store(&is_held, true);
        atomic_store(&n_slow, 0);
        assert_int_equal(pthread_create(&thread, NULL, cancel_later, f), 0);
        assert_int_equal(
                http_fetch(f, &(struct http_fetch_call){.url = url(*state, "/slow")}, &a, &em),
                -ECANCELED);
        pthread_join(thread, NULL);
        atomic_store(&is_held, false);
        assert_true(http_fetch_is_cancelled(f));
        assert_int_equal(
                http_fetch(f, &(struct http_fetch_call){.url = url(*state, "/echo")}, &a, &em),
                -ECANCELED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_calls),
                cmocka_unit_test(test_failures),
                cmocka_unit_test(test_cancel),
        };

        return cmocka_run_group_tests(tests, setup, net_test_teardown);
}
