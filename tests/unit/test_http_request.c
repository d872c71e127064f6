/* What a handler reads of a request and sets of its answer. The handlers assert; a failed one
 * answers 500. */
#include "tests/unit/net_test_server.h"

/* A check that fails names its line in the answer. */
#define CHECK(ok)                                                                                \
        do {                                                                                     \
                if (!(ok))                                                                       \
                        return http_request_reply_error(req, 500, "line %d: %s", __LINE__, #ok); \
        } while (0)

static bool same(const char *a, const char *b) {
        return a && b && strcmp(a, b) == 0;
}

static int asking(struct http_request *req) {
        const char *key, *value;
        int64_t n = 7;
        size_t i = 0;

        CHECK(same(http_request_query(req, "k"), "1"));
        CHECK(same(http_request_query_next(req, "k", &i), "1"));
        CHECK(same(http_request_query_next(req, "k", &i), "2"));
        CHECK(!http_request_query_next(req, "k", &i));
        i = 2;
        CHECK(http_request_query_pair(req, &i, &key, &value) && same(key, "n") &&
              same(value, "-5"));
        CHECK(same(http_request_query(req, "e"), "") && !http_request_query(req, "none"));
        CHECK(http_request_query_i64(req, "n", &n) == 0 && n == -5);
        CHECK(http_request_query_i64(req, "x", &n) == -EINVAL && n == -5);
        CHECK(http_request_query_i64(req, "big", &n) == -EINVAL);
        CHECK(http_request_query_i64(req, "none", &n) == -ENOENT && n == -5);
        return http_request_reply_text(req, 200, "ok");
}

static int reading(struct http_request *req) {
        CHECK(req->method == HTTP_POST && same(req->method_name, "POST"));
        CHECK(same(req->path, "/read/a%20b") && same(req->query, "k=1&k=2&n=-5&x=y&big=9e9&e="));
        CHECK(same(req->target, "/read/a%20b?k=1&k=2&n=-5&x=y&big=9e9&e="));
        CHECK(same(http_request_param(req, "id"), "a b"));
        CHECK(!http_request_param(req, "i") && !http_request_param(req, "other"));
        CHECK(same(http_request_header(req, "x-one"), "1") && !http_request_header(req, "X-Two"));
        CHECK(same(http_request_cookie(req, "session"), "abc.def"));
        CHECK(same(http_request_cookie(req, "b"), "2") && !http_request_cookie(req, "c"));
        CHECK(same(http_request_content_type(req), "application/json"));
        CHECK(http_request_content_length(req) == 4);
        CHECK(req->body_size == 4 && same(req->body, "body"));
        CHECK(req->ctx && same(req->ctx, "ctx") && req->worker == -1);
        CHECK(req->route && same(req->route->path, "/read/{id}") && req->route->min_role == 3);
        CHECK(!http_request_gone(req));
        return http_request_reply_text(req, 200, "ok");
}

static int setting(struct http_request *req) {
        CHECK(http_request_set_header(req, "X-A", "1") == 0);
        CHECK(http_request_set_header(req, "X-A", "2") == 0);
        CHECK(http_request_set_header(req, "X-B", "a\r\nX-C: b") == -EINVAL);
        CHECK(http_request_set_header(req, "X\nB", "b") == -EINVAL);
        CHECK(http_request_set_header(req, "X B", "b") == -EINVAL);
        CHECK(http_request_set_header(req, "", "b") == -EINVAL);
        CHECK(http_request_set_cookie(req, "s", "v", 60) == 0);
        CHECK(http_request_set_cookie(req, "t", "", -1) == 0);
        CHECK(http_request_set_cookie(req, "u", "w", 0) == 0);
        CHECK(http_request_set_cookie(req, "v", "a; Domain=x", 0) == -EINVAL);
        return http_request_reply_redirect(req, 303, "/there");
}

static int twice(struct http_request *req) {
        int r = http_request_reply_text(req, 200, "first");

        return r < 0 || http_request_reply_text(req, 200, "second") == -EALREADY ? r : -EIO;
}

static int cut(struct http_request *req) {
        http_request_reply_cut(req);
        return 0;
}

static int empty_get(struct http_request *req) {
        CHECK(http_request_content_length(req) == 0 && req->body_size == 0 && same(req->body, ""));
        CHECK(same(req->query, "") && same(http_request_content_type(req), ""));
        return http_request_reply_empty(req, 204);
}

/* The daemon's own form of errors, and its hook. */
static const char *format_error(struct http_request *req, int status, const char *message,
                                struct buf *out) {
        buf_printf(out, "<%d %s %s>", status, req->route ? req->route->path : "-", message);
        return "text/html";
}

static int before(struct http_request *req) {
        if (req->route->min_role == 9)
                return http_request_reply_error(req, 401, "who are you?") < 0 ? -ENOMEM
                                                                              : HTTP_LATER;
        return req->route->min_role == 8 ? -EIO : 0;
}

static atomic_uint n_done, done_status;

static void done(struct http_request *req, int status, usec_t took_for) {
        atomic_store(&done_status, (unsigned) status);
        atomic_fetch_add(&n_done, 1);
}

static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_POST, "/read/{id}", reading, 3, 0),
        HTTP_ROUTE(HTTP_GET, "/ask", asking, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/set", setting, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/twice", twice, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/cut", cut, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/empty", empty_get, 0, 0),
        HTTP_ROUTE(HTTP_POST, "/refused", reading, 9, 0),
        HTTP_ROUTE(HTTP_GET, "/hook-broken", reading, 8, 0),
};

#define H "Host: localhost\r\n"

static void test_reading(void **state) {
        net_test_expect(*state,
                        "POST /read/a%20b?k=1&k=2&n=-5&x=y&big=9e9&e= HTTP/1.1\r\n" H
                        "X-One: 1\r\nCookie: session=abc.def; b=2\r\n"
                        "Content-Type: Application/JSON; charset=utf-8\r\n"
                        "Content-Length: 4\r\n\r\nbody",
                        200, "ok");
        net_test_expect(*state, "GET /ask?k=1&k=2&n=-5&x=y&big=9e9&e= HTTP/1.1\r\n" H "\r\n", 200,
                        "ok");
        net_test_expect(*state, "GET /empty HTTP/1.1\r\n" H "\r\n", 204, "");
}

static void test_setting(void **state) {
        struct net_test_answer a = net_test_ask(*state, "GET /set HTTP/1.1\r\n" H "\r\n");

        assert_int_equal(a.status, 303);
        assert_string_equal(net_test_header(&a, "Location"), "/there");
        assert_non_null(strstr(a.head, "X-A: 1\r\n"));
        assert_non_null(strstr(a.head, "X-A: 2\r\n"));
        assert_null(strstr(a.head, "X-C:"));
        assert_non_null(strstr(
                a.head, "Set-Cookie: s=v; Path=/; HttpOnly; SameSite=Strict; Max-Age=60\r\n"));
        assert_non_null(
                strstr(a.head, "Set-Cookie: t=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0\r\n"));
        assert_non_null(strstr(a.head, "Set-Cookie: u=w; Path=/; HttpOnly; SameSite=Strict\r\n"));
        net_test_answer_done(&a);
}

static void test_once_only(void **state) {
        net_test_expect(*state, "GET /twice HTTP/1.1\r\n" H "\r\n", 200, "first");
}

static void test_cut(void **state) {
        int fd = net_test_connect(*state);
        char byte;

        net_test_send(fd, "GET /cut HTTP/1.1\r\n" H "\r\n");
        assert_true(recv(fd, &byte, 1, 0) <= 0);
        close(fd);
}

static void test_daemon_hooks(void **state) {
        unsigned n_before = atomic_load(&n_done);

        net_test_expect(*state, "POST /refused HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 401,
                        "<401 /refused who are you?>");
        net_test_wait_for(&n_done, n_before + 1);
        assert_int_equal(atomic_load(&done_status), 401);
        net_test_expect(*state, "GET /hook-broken HTTP/1.1\r\n" H "\r\n", 500,
                        "<500 /hook-broken Internal error: Input/output error.>");
        net_test_expect(*state, "GET /nowhere HTTP/1.1\r\n" H "\r\n", 404, NULL);
        net_test_wait_for(&n_done, n_before + 3);
}

static int setup(void **state) {
        struct net_test *t = calloc(1, sizeof *t);

        t->rows = rows;
        t->n_rows = ARRAY_SIZE(rows);
        t->options.ctx = (void *) "ctx";
        t->options.error_format = format_error;
        t->options.before = before;
        t->options.done = done;
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
                cmocka_unit_test(test_reading),      cmocka_unit_test(test_setting),
                cmocka_unit_test(test_once_only),    cmocka_unit_test(test_cut),
                cmocka_unit_test(test_daemon_hooks),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
