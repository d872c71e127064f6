/* wait and shutdown against a server of this test's own. What they print is shown by tests/api. */
#include "tests/unit/base_test.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemons/sqlproxy/subcommand.h"
#include "lib/base/macros.h"
#include "lib/base/str.h"

/* Answers one request after the other, with each of these words, and keeps what it was asked. */
static struct {
        int fd;
        char port[8];
        const char *const *answers;
        char asked[200];
        pthread_t thread;
} server;

static void *serve(void *arg) {
        for (const char *const *a = server.answers; *a; a++) {
                int fd = accept(server.fd, NULL, NULL);
                ssize_t n = recv(fd, server.asked, sizeof server.asked - 1, 0);

                server.asked[n > 0 ? n : 0] = 0;
                (void) !write(fd, *a, strlen(*a));
                close(fd);
        }
        return NULL;
}

static void begin(const char *const *answers) {
        struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof sa;

        server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(server.fd, (struct sockaddr *) &sa, sizeof sa), 0);
        assert_int_equal(listen(server.fd, 8), 0);
        assert_int_equal(getsockname(server.fd, (struct sockaddr *) &sa, &size), 0);
        snprintf(server.port, sizeof server.port, "%u", ntohs(sa.sin_port));
        server.answers = answers;
        assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void over(void) {
        pthread_join(server.thread, NULL);
        close(server.fd);
}

#define run(...)                                                           \
        ({                                                                 \
                char *argv_[] = {(char *) "onebox-sqlproxy", __VA_ARGS__}; \
                subcommand_run((int) ARRAY_SIZE(argv_), argv_);            \
        })
#define W(s) (char *) (s)
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
#define NOT_YET "HTTP/1.1 503 No\r\nContent-Length: 5\r\nConnection: close\r\n\r\nerror"

static void test_which_words_are_commands(void **state) {
        char *wait[] = {W("x"), W("wait")}, *name[] = {W("x"), W("p:r:wait")};

        assert_true(subcommand_is(2, wait));
        assert_false(subcommand_is(2, name));
        assert_false(subcommand_is(1, wait));
}

static void test_wait_asks_until_it_is_up(void **state) {
        static const char *const answers[] = {NOT_YET, NOT_YET, OK, NULL};

        begin(answers);
        assert_int_equal(run(W("wait"), W("--http-address=127.0.0.1"), W("--http-port"),
                             server.port, W("-m"), W("1h")),
                         0);
        over();
        assert_true(str_starts(server.asked, "GET /startup "));
}

static void test_wait_ends_with_its_patience(void **state) {
        static const char *const answers[] = {NOT_YET, NULL};

        begin(answers);
        assert_int_equal(run(W("wait"), W("--http-port"), server.port, W("--max=1ms")), 1);
        over();
}

static void test_shutdown_asks_once(void **state) {
        static const char *const ok[] = {OK, NULL}, *const no[] = {NOT_YET, NULL};

        begin(ok);
        assert_int_equal(run(W("shutdown"), W("--admin-port"), server.port), 0);
        over();
        assert_true(str_starts(server.asked, "POST /quitquitquit "));
        begin(no);
        assert_int_equal(run(W("shutdown"), W("--admin-port"), server.port), 1);
        over();
        /* Nobody is there any more. */
        assert_int_equal(run(W("shutdown"), W("--admin-port"), server.port), 1);
}

static void test_bad_flags(void **state) {
        assert_int_equal(run(W("wait"), W("--max"), W("5")), 1);
        assert_int_equal(run(W("wait"), W("--max")), 1);
        assert_int_equal(run(W("wait"), W("--http-portal=1")), 1);
        assert_int_equal(run(W("shutdown"), W("now")), 1);
        assert_int_equal(run(W("wait"), W("--help")), 0);
        assert_int_equal(run(W("help"), W("shutdown")), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_which_words_are_commands),
                cmocka_unit_test(test_wait_asks_until_it_is_up),
                cmocka_unit_test(test_wait_ends_with_its_patience),
                cmocka_unit_test(test_shutdown_asks_once),
                cmocka_unit_test(test_bad_flags),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
