/* A before hook that takes its time: on a thread of its own, the loop goes on; bodies, refusals,
 * clients that leave and servers that end meanwhile. */
#include "tests/unit/net_test_server.h"

#include <errno.h>
#include <string.h>

#define H "Host: localhost\r\n"

static sem_t gate;            /* lets one slow check through */
static atomic_uint n_seen;    /* slow ones that the loop has come across */
static atomic_uint n_at_gate; /* checks that wait there, or have */

/* /slow/… by what comes behind it. */
static int before(struct http_request *req) {
        int r = http_request_set_header(req, "X-Once", "yes");

        if (r < 0 || strncmp(req->path, "/slow/", 6) != 0)
                return r;
        if (!req->may_block) {
                atomic_fetch_add(&n_seen, 1);
                return HTTP_SLOW;
        }
        atomic_fetch_add(&n_at_gate, 1);
        while (sem_wait(&gate) < 0 && errno == EINTR)
                ;
        if (strstr(req->path, "broken"))
                return -EIO;
        if (strstr(req->path, "refused")) {
                r = http_request_reply_error(req, 401, "not you");
                return r < 0 ? r : HTTP_LATER;
        }
        req->data = (void *) "checked";
        return 0;
}

static int say(struct http_request *req) {
        char *text = arena_printf(req->arena, "%s %s", req->data ? (const char *) req->data : "-",
                                  req->body);

        return text ? http_request_reply_text(req, 200, text) : -ENOMEM;
}

static int begin(struct http_request *req) {
        assert_non_null(req->data);
        return 0;
}

static int chunk(struct http_request *req, const void *data, size_t size) {
        return 0;
}

static void drop(struct http_request *req) {
}

static const struct http_body_ops upload = {.begin = begin, .chunk = chunk, .abort = drop};
static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_GET, "/fast", say, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/slow/{what}", say, 0, 0),
        HTTP_ROUTE(HTTP_POST, "/slow/{what}", say, 0, HTTP_WORKER, .max_body = 1000),
        HTTP_ROUTE(HTTP_PUT, "/slow/{what}", say, 0, HTTP_WORKER, .body = &upload),
};

static void start(struct net_test *t) {
        *t = (struct net_test){.rows = rows, .n_rows = ARRAY_SIZE(rows)};
        t->options.before = before;
        t->options.has_slow_before = true;
        sem_init(&gate, 0, 0);
        atomic_store(&n_seen, 0);
        atomic_store(&n_at_gate, 0);
        net_test_start(t);
}

static void open_gate(unsigned n) {
        while (n-- > 0)
                sem_post(&gate);
}

static void test_it_goes_on_where_it_was(void **state) {
        static const struct {
                const char *text;
                int status;
                const char *body;
        } rows_[] = {
                {"GET /slow/a HTTP/1.1\r\n" H "\r\n", 200, "checked "},
                {"POST /slow/a HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nbody", 200,
                 "checked body"},
                {"POST /slow/a HTTP/1.1\r\n" H
                 "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
                 200, "checked body"},
                {"POST /slow/a HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: "
                 "1001\r\n\r\n",
                 413, NULL},
                {"PUT /slow/a HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nbody", 200, "checked "},
                {"GET /slow/refused HTTP/1.1\r\n" H "\r\n", 401, NULL},
                {"POST /slow/refused HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nbody", 401, NULL},
                {"PUT /slow/refused HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nbody", 401, NULL},
                {"GET /slow/broken HTTP/1.1\r\n" H "\r\n", 500, NULL},
                {"POST /slow/broken HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nbody", 500, NULL},
        };
        struct net_test t;

        start(&t);
        for (size_t i = 0; i < ARRAY_SIZE(rows_); i++) {
                struct net_test_answer a;
                const char *first;

                open_gate(1);
                a = net_test_ask(&t, rows_[i].text);
                assert_int_equal(a.status, rows_[i].status);
                if (rows_[i].body)
                        assert_string_equal(a.body, rows_[i].body);
                first = strstr(a.head, "X-Once");
                assert_non_null(first);
                assert_null(strstr(first + 1, "X-Once")); /* what the first call set is forgotten */
                net_test_answer_done(&a);
        }
        net_test_stop(&t);
}

static void test_continue_comes_after_the_check(void **state) {
        struct net_test_answer a;
        struct buf rest = {};
        struct net_test t;
        int fd;

        start(&t);
        fd = net_test_connect(&t);
        net_test_send(fd, "POST /slow/a HTTP/1.1\r\n" H
                          "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
        net_test_wait_for(&n_at_gate, 1);
        open_gate(1);
        net_test_read(fd, &rest, false, &a);
        assert_int_equal(a.status, 100);
        net_test_answer_done(&a);
        /* the next one is already behind the body */
        net_test_send(fd, "bodyGET /slow/b HTTP/1.1\r\n" H "\r\n");
        net_test_read(fd, &rest, false, &a);
        assert_string_equal(a.body, "checked body");
        net_test_answer_done(&a);
        open_gate(1);
        net_test_read(fd, &rest, false, &a);
        assert_string_equal(a.body, "checked ");
        net_test_answer_done(&a);
        close(fd);
        buf_done(&rest);
        net_test_stop(&t);
}

/* One is checked, as many as may wait for it, the next is told to come back; others are served. */
static void test_a_flood(void **state) {
        enum { N = 1 + HTTP_SERVER_SLOW_MAX };
        struct net_test_answer a;
        struct net_test t;
        int fds[N];

        start(&t);
        for (unsigned i = 0; i < N; i++) {
                fds[i] = net_test_connect(&t);
                net_test_send(fds[i], "GET /slow/a HTTP/1.1\r\n" H "\r\n");
                net_test_wait_for(&n_seen, i + 1);
                net_test_wait_for(&n_at_gate, 1);
        }
        for (int i = 0; i < 3; i++) {
                a = net_test_ask(&t, "GET /slow/a HTTP/1.1\r\n" H "\r\n");
                assert_int_equal(a.status, 503);
                assert_string_equal(net_test_header(&a, "Retry-After"), "1");
                net_test_answer_done(&a);
                net_test_expect(&t, "GET /fast HTTP/1.1\r\n" H "\r\n", 200, "- ");
        }
        assert_int_equal(atomic_load(&n_at_gate), 1);
        open_gate(N);
        for (int i = 0; i < N; i++) {
                struct buf rest = {};

                net_test_read(fds[i], &rest, false, &a);
                assert_int_equal(a.status, 200);
                net_test_answer_done(&a);
                buf_done(&rest);
                close(fds[i]);
        }
        net_test_stop(&t);
}

static void test_clients_leave(void **state) {
        struct net_test t;

        start(&t);
        for (unsigned i = 0; i < 6; i++) {
                int fd = net_test_connect(&t);

                net_test_send(fd, i % 2 ? "GET /slow/refused HTTP/1.1\r\n" H "\r\n"
                                        : "POST /slow/a HTTP/1.1\r\n" H
                                          "Content-Length: 9\r\n\r\n");
                net_test_wait_for(&n_seen, i + 1);
                close(fd);
        }
        open_gate(7);
        net_test_expect(&t, "GET /slow/a HTTP/1.1\r\n" H "\r\n", 200, "checked ");
        net_test_stop(&t);
}

static void *open_when_stopping(void *arg) {
        usleep(20000); /* most likely while it is being freed; right in any case */
        open_gate(1);
        return NULL;
}

static void test_the_server_ends(void **state) {
        struct net_test t;
        pthread_t opener;
        int fds[4];

        start(&t);
        for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
                fds[i] = net_test_connect(&t);
                net_test_send(fds[i], i % 2 ? "GET /slow/a HTTP/1.1\r\n" H "\r\n"
                                            : "GET /slow/refused HTTP/1.1\r\n" H "\r\n");
                net_test_wait_for(&n_seen, i + 1);
        }
        net_test_wait_for(&n_at_gate, 1);
        assert_int_equal(pthread_create(&opener, NULL, open_when_stopping, NULL), 0);
        net_test_stop(&t);
        pthread_join(opener, NULL);
        for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
                close(fds[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_it_goes_on_where_it_was),
                cmocka_unit_test(test_continue_comes_after_the_check),
                cmocka_unit_test(test_a_flood),
                cmocka_unit_test(test_clients_leave),
                cmocka_unit_test(test_the_server_ends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
