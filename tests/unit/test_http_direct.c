/* GETs, on a server of a script (http_direct_test_server.h). */
#include <pthread.h>
#include <signal.h>

#include "lib/base/str.h"
#include "lib/net/http_easy.h"
#include "tests/unit/http_direct_test_server.h"

#define BIG ((size_t) 3 << 20)

/* Where a body goes: pieces of at most `most`. */
struct place {
        char *data;
        size_t n, size, most;
        int error;                                     /* to be returned by took() */
        void (*inside)(struct place *p, void *inside); /* called by took() */
        void *inside_ctx;
};

static size_t place_rooms(void *ctx, struct iovec *v, size_t n_max) {
        struct place *p = ctx;
        size_t n = 0;

        for (size_t at = p->n; at < p->size && n < n_max; at += v[n++].iov_len)
                v[n] = (struct iovec){p->data + at, MIN(p->most, p->size - at)};
        return n;
}

static int place_took(void *ctx, size_t n) {
        struct place *p = ctx;

        p->n += n;
        if (p->inside)
                p->inside(p, p->inside_ctx);
        return p->error;
}

static usec_t first_for;

static int get(struct http_direct *d, struct place *p, uint64_t n_wanted,
               struct http_direct_answer *ret) {
        const struct http_direct_request r = {
                .target = "/b/o?generation=1",
                .token = "secret",
                .headers = (const char *const[]){"Range: bytes=0-9", NULL},
                .n_wanted = n_wanted,
                .is_range = true,
                .first_for = first_for,
                .rooms = place_rooms,
                .took = place_took,
                .ctx = p,
        };

        return http_direct_get(d, &r, ret);
}

#define PART(n) "HTTP/1.1 206 Partial\r\nContent-Length: " #n "\r\n\r\n"

static void test_kept(void **state) {
        static const struct answer answers[] = {{PART(10), "0123456789", 10, STAYS}};
        struct server s = {};
        struct http_direct *d;
        struct http_direct_answer a;

        server_start(&s, answers, 1);
        d = client(&s, (struct http_direct_options){});
        for (int i = 0; i < 3; i++) {
                char data[10];
                struct place p = {.data = data, .size = 10, .most = 4};

                assert_int_equal(get(d, &p, 10, &a), 0);
                assert_int_equal(a.status, 206);
                assert_int_equal(a.n_received, 10);
                assert_memory_equal(data, "0123456789", 10);
        }
        assert_int_equal(s.n_connections, 1);
        assert_non_null(strstr(s.last, "GET /b/o?generation=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
        assert_non_null(strstr(s.last, "\r\nAuthorization: Bearer secret\r\n"));
        assert_non_null(strstr(s.last, "\r\nRange: bytes=0-9\r\n"));
        http_direct_free(d);
        server_stop(&s);
}

/* A server may close whenever it likes: nobody hears of it. */
static void test_closed_between(void **state) {
        static const struct answer answers[] = {{PART(3), "abc", 3, CLOSES}};
        struct server s = {};
        struct http_direct *d;
        struct http_direct_answer a;
        char data[3];

        server_start(&s, answers, 1);
        d = client(&s, (struct http_direct_options){});
        for (unsigned i = 0; i < 3; i++) {
                struct place p = {.data = data, .size = 3, .most = 3};

                assert_int_equal(get(d, &p, 3, &a), 0);
        }
        assert_int_equal(s.n_connections, 3);
        http_direct_free(d);
        server_stop(&s);
}

/* What lay idle is not used again, and closed when that is asked for. */
static void test_idle(void **state) {
        static const struct answer answers[] = {{PART(3), "abc", 3, STAYS}};
        struct server s = {};
        struct http_direct *d;
        struct http_direct_answer a;
        char data[3];

        server_start(&s, answers, 1);
        d = client(&s, (struct http_direct_options){.idle_for = 1});
        for (unsigned i = 0; i < 2; i++) {
                struct place p = {.data = data, .size = 3, .most = 3};

                assert_int_equal(get(d, &p, 3, &a), 0);
                usleep(10);
        }
        assert_int_equal(s.n_connections, 2);
        http_direct_trim(d);
        /* Ends when the client has closed them all. */
        server_stop(&s);
        http_direct_free(d);
}

/* What is not what was asked for is left to others: not a byte is taken. */
static void test_other_answers(void **state) {
        static const struct answer answers[] = {
                {"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n", "{}", 2, STAYS},
                {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "abc", 3, STAYS},
                {PART(4), "abcd", 4, STAYS},
                {"HTTP/1.1 206 P\r\nTransfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n",
                 13, STAYS},
                {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "", 0, STAYS},
        };
        static const int statuses[] = {404, 200, 206, 206, 503};
        struct server s = {};
        struct http_direct *d;
        struct http_direct_answer a;
        char data[3];

        server_start(&s, answers, ARRAY_SIZE(answers));
        d = client(&s, (struct http_direct_options){});
        for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
                struct place p = {.data = data, .size = 3, .most = 3};

                assert_int_equal(get(d, &p, 3, &a), 1);
                assert_int_equal(a.status, statuses[i]);
                assert_int_equal(a.n_received, 0);
                assert_int_equal(p.n, 0);
        }
        http_direct_free(d);
        server_stop(&s);
}

static void test_broken(void **state) {
        static const struct answer answers[] = {
                {PART(10), "01234", 5, CLOSES},             /* cut off */
                {"SSH-2.0-OpenSSH\r\n\r\n", "", 0, CLOSES}, /* no HTTP */
                {PART(3) "abcdef", "", 0, CLOSES},          /* more than it said */
                {PART(10), "0123456789", 10, STAYS},        /* for who has no room */
                {PART(10), "0123456789", 10, STAYS},        /* for who ends it */
                {PART(10), "01234", 5, STAYS},              /* goes silent */
        };
        struct server s = {};
        struct http_direct *d;
        struct http_direct_answer a;
        char data[10];
        struct place p = {.data = data, .size = 10, .most = 10};

        server_start(&s, answers, ARRAY_SIZE(answers));
        d = client(&s, (struct http_direct_options){.stall_for = 100 * USEC_PER_MSEC});
        assert_int_equal(get(d, &p, 10, &a), -ECONNRESET);
        assert_int_equal(a.n_received, 5);
        assert_memory_equal(data, "01234", 5);
        assert_int_equal(get(d, &p, 10, &a), -EPROTO);
        p = (struct place){.data = data, .size = 10, .most = 10};
        assert_int_equal(get(d, &p, 3, &a), -EPROTO);
        p = (struct place){.data = data, .size = 4, .most = 4};
        assert_int_equal(get(d, &p, 10, &a), -EMSGSIZE);
        p = (struct place){.data = data, .size = 10, .most = 2, .error = -EBADMSG};
        assert_int_equal(get(d, &p, 10, &a), -EBADMSG);
        assert_int_equal(p.n, 2);
        p = (struct place){.data = data, .size = 10, .most = 10};
        assert_int_equal(get(d, &p, 10, &a), -ETIMEDOUT);
        assert_int_equal(a.n_received, 5);
        http_direct_free(d);
        server_stop(&s);
}

static void use_another(struct place *p, void *ctx) {
        struct place other = {};
        struct http_direct_answer a;

        assert_int_equal(get(ctx, &other, 3, &a), -EBUSY);
        assert_int_equal(a.status, 0);
}

static void test_busy(void **state) {
        static const struct answer answers[] = {{PART(3), "abc", 3, STAYS}};
        struct server s = {};
        struct http_direct *d;
        struct http_direct_answer a;
        char data[3];
        struct place p = {.data = data, .size = 3, .most = 3};

        server_start(&s, answers, 1);
        d = client(&s, (struct http_direct_options){.n_connections = 1});
        p.inside = use_another;
        p.inside_ctx = d;
        assert_int_equal(get(d, &p, 3, &a), 0);
        http_direct_free(d);
        server_stop(&s);
}

static void test_nobody_there(void **state) {
        struct server s = {};
        struct http_direct *d;
        struct http_direct_answer a;
        struct place p = {};

        server_start(&s, NULL, 0);
        d = client(&s, (struct http_direct_options){});
        server_stop(&s);
        assert_int_equal(get(d, &p, 3, &a), -ECONNREFUSED);
        /* Others are not held up by the same. */
        assert_int_equal(get(d, &p, 3, &a), -EAGAIN);
        http_direct_free(d);
}

static void test_stopped(void **state) {
        static const struct answer answers[] = {{NULL, NULL, 0, STAYS}};
        struct server s = {};
        struct http_direct *d;
        struct http_direct_answer a;
        struct place p = {};
        struct stopper stopper;

        server_start(&s, answers, 1);
        d = client(&s, (struct http_direct_options){.stall_for = 100 * USEC_PER_SEC});
        stopper = (struct stopper){.server = &s, .client = d};
        stopper_start(&stopper);
        assert_int_equal(get(d, &p, 3, &a), -ECANCELED);
        pthread_join(stopper.thread, NULL);
        assert_int_equal(get(d, &p, 3, &a), -ECANCELED);
        http_direct_free(d);
        server_stop(&s);
}

static bool gives_up_at_once(void) {
        return true;
}

/* Who asked does not want it any more: long before the server is taken for stalled. */
static void test_given_up(void **state) {
        static const struct answer answers[] = {{NULL, NULL, 0, STAYS}};
        struct server s = {};
        struct http_direct *d;
        struct http_direct_answer a;
        struct place p = {};

        server_start(&s, answers, 1);
        d = client(&s, (struct http_direct_options){.stall_for = 100 * USEC_PER_SEC,
                                                    .gives_up = gives_up_at_once});
        assert_int_equal(get(d, &p, 3, &a), -EINTR);
        assert_int_equal(a.status, 0);
        http_direct_free(d);
        server_stop(&s);
}

/* A first byte that is late is another matter than a body that rests. */
static void test_first_byte(void **state) {
        static const struct answer answers[] = {{NULL, NULL, 0, STAYS}, {PART(3), "abc", 3, STAYS}};
        struct server s = {};
        struct http_direct *d;
        struct http_direct_answer a;
        char data[3];
        struct place p = {.data = data, .size = 3, .most = 3};

        server_start(&s, answers, 2);
        d = client(&s, (struct http_direct_options){.stall_for = 100 * USEC_PER_SEC});
        first_for = 20 * USEC_PER_MSEC;
        assert_int_equal(get(d, &p, 3, &a), -ETIMEDOUT);
        assert_int_equal(a.first_after, 0);
        assert_true(a.took_for >= first_for);
        first_for = 100 * USEC_PER_SEC;
        assert_int_equal(get(d, &p, 3, &a), 0);
        assert_in_range(a.first_after, 1, a.took_for + 1);
        first_for = 0;
        http_direct_free(d);
        server_stop(&s);
}

static void test_refused_words(void **state) {
        struct http_direct *d = NULL;
        struct http_direct_answer a;
        struct http_direct_request r = {.target = "/a b"};

        assert_int_equal(http_direct_new(&(struct http_direct_options){.origin = "h"}, &d),
                         -EINVAL);
        assert_int_equal(http_direct_new(&(struct http_direct_options){.origin = "http://h/x"}, &d),
                         -EINVAL);
        assert_int_equal(
                http_direct_new(&(struct http_direct_options){.origin = "http://u:p@h"}, &d),
                -EINVAL);
        assert_int_equal(http_direct_new(&(struct http_direct_options){.origin = "http://h:1"}, &d),
                         0);
        assert_int_equal(http_direct_get(d, &r, &a), -EINVAL);
        r = (struct http_direct_request){.target = "/a",
                                         .headers = (const char *const[]){"A: b\r\nC: d", NULL}};
        assert_int_equal(http_direct_get(d, &r, &a), -EINVAL);
        http_direct_free(d);
        assert_null(http_direct_free(NULL));
}

static char *make_big(void) {
        char *big = malloc(BIG);

        assert_non_null(big);
        for (size_t i = 0; i < BIG; i++)
                big[i] = (char) (i * 31 + (i >> 11));
        return big;
}

static void get_big(struct server *s, const char *ca_file) {
        char head[128], *big = make_big(), *data = malloc(BIG);
        const struct answer answers[] = {{head, big, BIG, STAYS}};
        struct http_direct_answer a;
        struct http_direct *d;

        assert_non_null(data);
        snprintf(head, sizeof(head), "HTTP/1.1 206 P\r\nContent-Length: %zu\r\n\r\n", BIG);
        server_start(s, answers, 1);
        d = client(s, (struct http_direct_options){.ca_file = ca_file});
        for (size_t most = 100001; most <= BIG; most *= 30) {
                struct place p = {.data = data, .size = BIG, .most = most};

                memset(data, 0, BIG);
                assert_int_equal(get(d, &p, BIG, &a), 0);
                assert_int_equal(a.n_received, BIG);
                assert_memory_equal(data, big, BIG);
        }
        assert_int_equal(s->n_connections, 1);
        http_direct_free(d);
        server_stop(s);
        free(big);
        free(data);
}

static void test_big(void **state) {
        struct server s = {};

        get_big(&s, NULL);
}

static void test_tls(void **state) {
        char path[] = "/tmp/onebox-http-direct-XXXXXX";
        struct tls_test_cert cert;
        struct http_direct_answer a;
        struct server s = {};
        struct http_direct *d;
        struct place p = {};

        server_tls(&s, &cert, path);
        get_big(&s, path);
        /* The system's authorities do not know it. */
        s.n_connections = 0;
        server_start(&s, NULL, 0);
        d = client(&s, (struct http_direct_options){});
        assert_int_equal(get(d, &p, 3, &a), -EKEYREJECTED);
        http_direct_free(d);
        server_stop(&s);
        server_tls_done(&s, &cert, path);
}

/* Only what no proxy and no TLS changes is read from the socket itself. */
static void test_plain(void **state) {
        assert_true(http_easy_is_plain("http://127.0.0.1:1"));
        assert_true(http_easy_is_plain("http://storage.test"));
        assert_false(http_easy_is_plain("https://storage.test"));
        assert_false(http_easy_is_plain("https://127.0.0.1:1"));
        setenv("all_proxy", "https://proxy.test", 1);
        assert_false(http_easy_is_plain("http://storage.test"));
        assert_true(http_easy_is_plain("http://127.0.0.1:1"));
        unsetenv("all_proxy");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_kept),
                cmocka_unit_test(test_closed_between),
                cmocka_unit_test(test_idle),
                cmocka_unit_test(test_other_answers),
                cmocka_unit_test(test_broken),
                cmocka_unit_test(test_busy),
                cmocka_unit_test(test_nobody_there),
                cmocka_unit_test(test_stopped),
                cmocka_unit_test(test_given_up),
                cmocka_unit_test(test_first_byte),
                cmocka_unit_test(test_refused_words),
                cmocka_unit_test(test_big),
                cmocka_unit_test(test_tls),
        };

        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests_name("http_direct", tests, NULL, NULL);
}
