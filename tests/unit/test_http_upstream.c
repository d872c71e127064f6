/* A forwarder in front of a daemon that misbehaves: broken answers, silence, early ends, a stale
 * kept connection. */
#include "tests/unit/net_test_server.h"

#include "lib/net/http_forward.h"

static char path[64];
static struct http_forward_target target;

static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_ANY, "/{rest...}", http_forward_handle, 0, HTTP_KEEP_RAW,
                   .max_body = SIZE_MAX, .body = &http_forward_body, .data = &target),
};

static int front_setup(struct net_test *t) {
        struct http_forward_options o = {.loop = t->loop,
                                         .socket_path = path,
                                         .name = "behind",
                                         .remedy = "start it",
                                         .first_byte_for = USEC_PER_SEC};

        return http_forward_new(&o, &target.forward);
}

static void front_teardown(struct net_test *t) {
        target.forward = http_forward_free(target.forward);
}

/* The daemon behind: for each connection the next text, said after the head of a request came. */
struct behind {
        int fd;
        pthread_t thread;
        const char *const *texts; /* NULL-terminated; "" = say nothing and wait */
        bool keep;                /* all texts on one connection */
};

static bool read_head(int fd) {
        struct buf b = {};
        bool ok;

        while (!(ok = strstr(buf_cstr(&b), "\r\n\r\n") != NULL) && net_test_more(fd, &b, 20000))
                ;
        buf_done(&b);
        return ok;
}

static void *behind_main(void *arg) {
        struct behind *b = arg;
        int fd = -1;

        for (const char *const *text = b->texts; *text; text++) {
                char byte;

                if (fd < 0)
                        fd = accept(b->fd, NULL, NULL);
                if (!read_head(fd))
                        break;
                (void) !send(fd, *text, strlen(*text), MSG_NOSIGNAL);
                while (!**text && recv(fd, &byte, 1, 0) == 1)
                        ;
                if (b->keep)
                        continue;
                close(fd);
                fd = -1;
        }
        if (fd >= 0)
                close(fd);
        return NULL;
}

static void behind_start(struct behind *b, const char *const *texts) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};

        snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
        b->texts = texts;
        b->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(b->fd, (struct sockaddr *) &a, sizeof a), 0);
        assert_int_equal(listen(b->fd, 16), 0);
        assert_int_equal(pthread_create(&b->thread, NULL, behind_main, b), 0);
}

static void behind_stop(struct behind *b) {
        pthread_join(b->thread, NULL);
        close(b->fd);
        unlink(path);
}

#define GET "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define POST "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"

static void check(const struct net_test *t, const char *text, const char *request, int status) {
        const char *const texts[] = {text, NULL};
        struct behind b = {};

        behind_start(&b, texts);
        net_test_expect(t, request, status, NULL);
        behind_stop(&b);
}

static void test_broken_heads(void **state) {
        static const char *const texts[] = {
                "SSH-2.0-OpenSSH\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                "HTTP/1.1 200 OK\r\nBad header\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Le",
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
                "HTTP/1.1 101 Switching\r\n\r\n",
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                check(*state, texts[i], GET, 502);
                check(*state, texts[i], POST, 502);
        }
}

static void test_silence(void **state) {
        check(*state, "", GET, 504);
        check(*state, "", POST, 504);
}

static void test_continue_and_old(void **state) {
        check(*state,
              "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Yes\r\nContent-Length: 2\r\n\r\nok", POST,
              201);
        check(*state, "HTTP/1.0 200 OK\r\n\r\nuntil the end", GET, 200);
        check(*state, "HTTP/1.1 204 No\r\n\r\n", GET, 204);
        check(*state, "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", GET, 304);
}

/* Half an answer must not look like a whole one. */
static void check_cut(const struct net_test *t, const char *text) {
        const char *const texts[] = {text, NULL};
        struct behind b = {};
        struct buf got = {};
        int fd = net_test_connect(t);

        behind_start(&b, texts);
        net_test_send(fd, GET);
        while (net_test_more(fd, &got, 20000))
                ;
        assert_non_null(strstr(buf_cstr(&got), "200 OK"));
        if (strstr(got.data, "Transfer-Encoding: chunked"))
                assert_null(strstr(got.data, "\r\n0\r\n\r\n"));
        buf_done(&got);
        close(fd);
        behind_stop(&b);
}

static void test_cut_bodies(void **state) {
        check_cut(*state, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        check_cut(*state, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
}

/* The daemon ends a kept connection just as the next request goes out on it: asked once more on a
 * new one, unless it had a body that is gone by now. */
static void test_stale_connection(void **state) {
        static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        const char *const texts[] = {ok, ok, ok, NULL};
        struct behind b = {};

        behind_start(&b, texts);
        for (unsigned i = 0; i < 3; i++)
                net_test_expect(*state, GET, 200, "ok");
        behind_stop(&b);
}

static void test_kept_connection(void **state) {
        static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        const char *const texts[] = {ok, ok, ok, NULL};
        struct behind b = {.keep = true};

        behind_start(&b, texts);
        for (unsigned i = 0; i < 3; i++)
                net_test_expect(*state, GET, 200, "ok");
        behind_stop(&b);
}

static int setup(void **state) {
        struct net_test *t = calloc(1, sizeof *t);

        snprintf(path, sizeof path, "/tmp/onebox-test-upstream-%d.sock", (int) getpid());
        t->rows = rows;
        t->n_rows = ARRAY_SIZE(rows);
        t->setup = front_setup;
        t->teardown = front_teardown;
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
                cmocka_unit_test(test_broken_heads),     cmocka_unit_test(test_silence),
                cmocka_unit_test(test_continue_and_old), cmocka_unit_test(test_cut_bodies),
                cmocka_unit_test(test_stale_connection), cmocka_unit_test(test_kept_connection),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
