/* Calls with bodies and small answers, on a server of a script. */
#include "lib/net/http_direct_call.h"

#include <pthread.h>
#include <signal.h>

#include "lib/base/str.h"
#include "tests/unit/http_direct_test_server.h"

#define BIG ((size_t) 24 << 20) /* more than a socket takes at once */
#define SAYS(n) "HTTP/1.1 200 OK\r\nX-Word: yes\r\nContent-Length: " #n "\r\n\r\n"

static int call(struct http_direct *d, const struct iovec *body, size_t n_body,
                struct http_direct_call_answer *ret) {
        const struct http_direct_call c = {
                .method = "POST",
                .target = "/o?name=x",
                .token = "secret",
                .headers = (const char *const[]){"X-My: own", NULL},
                .content_type = n_body > 0 ? "text/plain" : NULL,
                .body = body,
                .n_body = n_body,
                .max_answer = 8,
        };

        return http_direct_call(d, &c, ret);
}

static void test_kept(void **state) {
        static const struct answer answers[] = {{SAYS(3), "abc", 3, STAYS}};
        struct iovec body[] = {{(char *) "one", 3}, {(char *) "", 0}, {(char *) "three", 5}};
        struct server s = {};
        struct http_direct *d;

        server_start(&s, answers, 1);
        d = client(&s, (struct http_direct_options){});
        for (int i = 0; i < 3; i++) {
                struct http_direct_call_answer a;

                assert_int_equal(call(d, body, 3, &a), 0);
                assert_int_equal(a.status, 200);
                assert_string_equal(a.body.data, "abc");
                assert_string_equal(http_response_header(&a.head, "x-word"), "yes");
                assert_true(a.was_sent);
                assert_false(a.unsure);
                http_direct_call_answer_done(&a);
        }
        assert_int_equal(s.n_connections, 1);
        assert_int_equal(s.n_body, 8);
        assert_int_equal(s.crc32c, crc32c_add(0, "onethree", 8));
        assert_int_equal(body[0].iov_len, 3); /* the caller's stay as they are */
        assert_non_null(strstr(s.last, "POST /o?name=x HTTP/1.1\r\nHost: 127.0.0.1:"));
        assert_non_null(strstr(s.last, "\r\nAuthorization: Bearer secret\r\nX-My: own\r\n"));
        assert_non_null(strstr(s.last, "\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n"));
        http_direct_free(d);
        server_stop(&s);
}

/* Whatever an answer says, and however it is framed. */
static void test_answers(void **state) {
        static const struct answer answers[] = {
                {"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n", "{}", 2, STAYS},
                {"HTTP/1.1 204 Gone\r\n\r\n", "", 0, STAYS},
                {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "",
                 0, STAYS},
                {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                 "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 20, STAYS},
                {"HTTP/1.1 200 OK\r\n\r\n", "to end", 6, CLOSES},
        };
        static const int statuses[] = {404, 204, 503, 200, 200};
        static const char *const bodies[] = {"{}", "", "", "abcde", "to end"};
        struct server s = {};
        struct http_direct *d;

        server_start(&s, answers, ARRAY_SIZE(answers));
        d = client(&s, (struct http_direct_options){});
        for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
                struct http_direct_call_answer a;

                assert_int_equal(call(d, NULL, 0, &a), 0);
                assert_int_equal(a.status, statuses[i]);
                assert_string_equal(buf_cstr(&a.body), bodies[i]);
                assert_null(strstr(s.last, "Content-"));
                http_direct_call_answer_done(&a);
        }
        assert_int_equal(s.n_connections, 1);
        http_direct_free(d);
        server_stop(&s);
}

static void test_broken(void **state) {
        static const struct answer answers[] = {
                {SAYS(10), "01234", 5, CLOSES},             /* cut off */
                {"SSH-2.0-OpenSSH\r\n\r\n", "", 0, CLOSES}, /* no HTTP */
                {SAYS(9), "012345678", 9, STAYS},           /* more than is wanted */
                {SAYS(3) "abcdef", "", 0, CLOSES},          /* more than it said */
                {NULL, NULL, 0, CLOSES},                    /* nothing at all */
                {NULL, NULL, 0, STAYS},                     /* silence */
        };
        static const int results[] = {-ECONNRESET, -EPROTO,     -EFBIG,
                                      -EPROTO,     -ECONNRESET, -ETIMEDOUT};
        struct server s = {};
        struct http_direct *d;

        server_start(&s, answers, ARRAY_SIZE(answers));
        d = client(&s, (struct http_direct_options){.stall_for = 100 * USEC_PER_MSEC});
        for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
                struct http_direct_call_answer a;

                assert_int_equal(call(d, NULL, 0, &a), results[i]);
                assert_true(a.was_sent);
                assert_false(a.unsure);
                http_direct_call_answer_done(&a);
        }
        http_direct_free(d);
        server_stop(&s);
}

/* A kept connection ends with the request: it is made once more, and said that it may have been
 * carried out before. */
static void test_again(void **state) {
        static const struct answer answers[] = {
                {SAYS(1), "a", 1, STAYS},
                {NULL, NULL, 0, CLOSES},
                {SAYS(1), "b", 1, STAYS},
        };
        struct iovec body = {(char *) "data", 4};
        struct http_direct_call_answer a;
        struct server s = {};
        struct http_direct *d;

        server_start(&s, answers, ARRAY_SIZE(answers));
        d = client(&s, (struct http_direct_options){});
        assert_int_equal(call(d, &body, 1, &a), 0);
        http_direct_call_answer_done(&a);
        assert_int_equal(call(d, &body, 1, &a), 0);
        assert_string_equal(a.body.data, "b");
        assert_true(a.unsure);
        assert_int_equal(s.n_requests, 3);
        assert_int_equal(s.n_connections, 2);
        assert_int_equal(s.n_body, 4);
        http_direct_call_answer_done(&a);
        http_direct_free(d);
        server_stop(&s);
}

static char *make_big(void) {
        char *big = malloc(BIG);

        assert_non_null(big);
        for (size_t i = 0; i < BIG; i++)
                big[i] = (char) (i * 31 + (i >> 11));
        return big;
}

static void send_big(struct server *s, const char *ca_file) {
        static const struct answer answers[] = {{SAYS(3), "abc", 3, STAYS}};
        struct http_direct_call_answer a;
        char *big = make_big();
        struct iovec body[300];
        struct http_direct *d;
        size_t n = 0;

        /* Pieces of all sizes. */
        for (size_t at = 0; at < BIG; at += body[n++].iov_len)
                body[n] = (struct iovec){big + at, n < 299 ? MIN(BIG - at, n * 311) : BIG - at};
        server_start(s, answers, 1);
        d = client(s, (struct http_direct_options){.ca_file = ca_file});
        assert_int_equal(call(d, body, n, &a), 0);
        assert_string_equal(a.body.data, "abc");
        assert_int_equal(s->n_body, BIG);
        assert_int_equal(s->crc32c, crc32c_add(0, big, BIG));
        http_direct_call_answer_done(&a);
        http_direct_free(d);
        server_stop(s);
        free(big);
}

static void test_big(void **state) {
        struct server s = {};

        send_big(&s, NULL);
}

/* Refused before all of it was sent: that is the answer, and the connection is not used again. */
static void refuse_big(struct server *s, int how, const char *ca_file) {
        const struct answer answers[] = {
                {"HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\n", "no", 2, how},
                {SAYS(1), "a", 1, STAYS},
        };
        struct http_direct_call_answer a;
        char *big = make_big();
        struct iovec body = {big, BIG};
        struct http_direct *d;

        server_start(s, answers, ARRAY_SIZE(answers));
        d = client(s, (struct http_direct_options){.ca_file = ca_file});
        assert_int_equal(call(d, &body, 1, &a), 0);
        assert_int_equal(a.status, 413);
        assert_string_equal(a.body.data, "no");
        http_direct_call_answer_done(&a);
        http_direct_free(d);
        server_stop(s);
        free(big);
}

static void test_refused(void **state) {
        struct server dropping = {}, resetting = {};

        refuse_big(&dropping, AT_ONCE, NULL);
        refuse_big(&resetting, RESETS, NULL);
}

static void test_tls(void **state) {
        char path[] = "/tmp/onebox-http-direct-XXXXXX";
        struct tls_test_cert cert;
        struct server s = {};

        server_tls(&s, &cert, path);
        send_big(&s, path);
        s = (struct server){.tls = s.tls};
        refuse_big(&s, AT_ONCE, path);
        server_tls_done(&s, &cert, path);
}

static void test_stopped(void **state) {
        static const struct answer answers[] = {{NULL, NULL, 0, STAYS}};
        struct http_direct_call_answer a;
        struct server s = {};
        struct http_direct *d;
        struct stopper stopper;

        server_start(&s, answers, 1);
        d = client(&s, (struct http_direct_options){.stall_for = 100 * USEC_PER_SEC});
        stopper = (struct stopper){.server = &s, .client = d};
        stopper_start(&stopper);
        assert_int_equal(call(d, NULL, 0, &a), -ECANCELED);
        http_direct_call_answer_done(&a);
        pthread_join(stopper.thread, NULL);
        assert_int_equal(call(d, NULL, 0, &a), -ECANCELED);
        assert_false(a.was_sent);
        http_direct_call_answer_done(&a);
        http_direct_free(d);
        server_stop(&s);
}

static void test_nothing_sent(void **state) {
        struct http_direct_call c = {.method = "GET", .target = "/a b"};
        struct http_direct_call_answer a;
        struct server s = {};
        struct http_direct *d;

        server_start(&s, NULL, 0);
        d = client(&s, (struct http_direct_options){});
        server_stop(&s);
        assert_int_equal(http_direct_call(d, &c, &a), -EINVAL);
        http_direct_call_answer_done(&a);
        c = (struct http_direct_call){.method = "GET", .target = "/a", .content_type = "a\nb"};
        assert_int_equal(http_direct_call(d, &c, &a), -EINVAL);
        http_direct_call_answer_done(&a);
        assert_int_equal(call(d, NULL, 0, &a), -ECONNREFUSED);
        assert_false(a.was_sent);
        http_direct_call_answer_done(&a);
        assert_int_equal(call(d, NULL, 0, &a), -EAGAIN);
        http_direct_call_answer_done(&a);
        http_direct_free(d);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kept),         cmocka_unit_test(test_answers),
                cmocka_unit_test(test_broken),       cmocka_unit_test(test_again),
                cmocka_unit_test(test_big),          cmocka_unit_test(test_refused),
                cmocka_unit_test(test_tls),          cmocka_unit_test(test_stopped),
                cmocka_unit_test(test_nothing_sent),
        };

        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests_name("http_direct_call", tests, NULL, NULL);
}
