/* A server process short of descriptors: it waits without spinning and is well again afterwards.
 * A client that leaves with its last bytes, and one that asks in the server's last moment. */
#include "tests/unit/net_test_server.h"

#include <sys/resource.h>
#include <sys/wait.h>

#define FILES_MAX 40
#define CLIENTS 80

static int hello(struct http_request *req) {
        return http_request_reply_text(req, 200, "hello");
}

static atomic_uint n_aborted, n_begun;

static int up_begin(struct http_request *req) {
        atomic_fetch_add(&n_begun, 1);
        return 0;
}

static int up_chunk(struct http_request *req, const void *data, size_t size) {
        return 0;
}

static void up_abort(struct http_request *req) {
        atomic_fetch_add(&n_aborted, 1);
}

static const struct http_body_ops up_ops = {
        .begin = up_begin, .chunk = up_chunk, .abort = up_abort};

static const struct http_route rows[] = {
        HTTP_ROUTE(HTTP_GET, "/hello", hello, 0, 0),
        HTTP_ROUTE(HTTP_PUT, "/up", hello, 0, 0, .body = &up_ops),
};

#define HELLO "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"

static int serve(int ready_fd) {
        struct rlimit limit = {.rlim_cur = FILES_MAX, .rlim_max = FILES_MAX};
        struct http_server_options o = {};
        struct http_server *s;
        struct http_listen *l;
        uint16_t port;
        int r;

        if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || loop_new(&o.loop) < 0 ||
            loop_signals_quit(o.loop) < 0 ||
            http_server_new(&o, rows, ARRAY_SIZE(rows), &s, NULL) < 0 ||
            http_listen_open("127.0.0.1:0", NULL, &l, NULL) < 0)
                return 1;
        port = http_listen_port(l);
        if (http_server_listen(s, l) < 0 || write(ready_fd, &port, sizeof port) != sizeof port)
                return 1;
        r = loop_run(o.loop);
        http_server_free(s);
        loop_free(o.loop);
        return r;
}

static void test_out_of_descriptors(void **state) {
        struct net_test t = {};
        int fds[2], clients[CLIENTS], status;
        struct rusage u;
        pid_t pid;

        assert_int_equal(pipe(fds), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(serve(fds[1]));
        assert_int_equal(read(fds[0], &t.port, sizeof t.port), sizeof t.port);
        close(fds[0]);
        close(fds[1]);
        for (unsigned i = 0; i < CLIENTS; i++) {
                clients[i] = net_test_connect(&t);
                net_test_send(clients[i], HELLO);
        }
        /* Idle ones make room, so that everybody is served in the end. */
        for (unsigned i = 0; i < CLIENTS; i++) {
                struct net_test_answer a;
                struct buf rest = {};

                net_test_read(clients[i], &rest, false, &a);
                assert_int_equal(a.status, 200);
                net_test_answer_done(&a);
                buf_done(&rest);
        }
        for (unsigned i = 0; i < CLIENTS; i++)
                close(clients[i]);
        net_test_expect(&t, HELLO, 200, "hello");
        kill(pid, SIGTERM);
        assert_int_equal(wait4(pid, &status, 0, &u), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        /* Spinning would have cost the whole time of a core. */
        assert_true(u.ru_utime.tv_sec + u.ru_stime.tv_sec < 2);
}

/* Data and end in one packet: the end is noticed within seconds, not at the time-out of a minute.
 */
static void test_deserted(void **state) {
        struct net_test t = {.rows = rows, .n_rows = ARRAY_SIZE(rows)};
        static const char text[] =
                "PUT /up HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc";

        net_test_start(&t);
        for (unsigned i = 0; i < 20; i++) {
                int fd = net_test_connect(&t);

                net_test_send(fd, text);
                close(fd);
        }
        net_test_wait_for(&n_begun, 20);
        net_test_wait_for(&n_aborted, 20);
        net_test_stop(&t);
        assert_int_equal(atomic_load(&n_aborted), 20);
}

static atomic_uint n_late;

static int late(struct http_request *req) {
        atomic_fetch_add(&n_late, 1);
        return http_request_reply_text(req, 200, "late");
}

static const struct http_route last_rows[] = {
        HTTP_ROUTE(HTTP_GET, "/hello", hello, 0, 0),
        HTTP_ROUTE(HTTP_GET, "/late", late, 0, 0),
};

/* On the server's thread: the request is in the socket before the server is freed, and unread. */
static void ask_and_quit(void *arg) {
        struct net_test *t = arg;

        net_test_send(*(int *) t->data, "GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n");
        loop_quit(t->loop, 0);
}

static void test_last_moment(void **state) {
        struct net_test t = {.rows = last_rows, .n_rows = ARRAY_SIZE(last_rows)};
        struct net_test_answer a;
        struct buf rest = {};
        char byte;
        int fd;

        net_test_start(&t);
        fd = net_test_connect(&t);
        net_test_send(fd, HELLO);
        net_test_read(fd, &rest, false, &a);
        assert_int_equal(a.status, 200);
        net_test_answer_done(&a);
        buf_done(&rest);
        t.data = &fd;
        assert_int_equal(loop_post(t.loop, ask_and_quit, &t), 0);
        pthread_join(t.thread, NULL);
        sem_destroy(&t.ready);
        assert_int_equal(t.result, 0);
        assert_int_equal(n_late, 0); /* the daemon behind the handler may be gone by then */
        assert_true(recv(fd, &byte, 1, 0) <= 0);
        close(fd);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_out_of_descriptors),
                cmocka_unit_test(test_deserted),
                cmocka_unit_test(test_last_moment),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
