/* Listeners: addresses, stale and live Unix sockets, handed sockets, who may connect. */
#include "tests/unit/net_test_cmocka.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "lib/net/http_listen.h"

static char dir[] = "/tmp/onebox-test-XXXXXX", path[64], address[80];

static int setup(void **state) {
        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/x.sock", dir);
        snprintf(address, sizeof address, "unix:%s", path);
        return 0;
}

static int teardown(void **state) {
        char lock[80];

        snprintf(lock, sizeof lock, "%s.lock", path);
        unlink(lock);
        unlink(path);
        return rmdir(dir);
}

static int dial_unix(void) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
        if (connect(fd, (struct sockaddr *) &a, sizeof a) < 0) {
                close(fd);
                return -errno;
        }
        return fd;
}

static int dial_tcp(uint16_t port) {
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(connect(fd, (struct sockaddr *) &a, sizeof a), 0);
        return fd;
}

static void accept_one(struct http_listen *l, int *ret_fd, struct http_peer *ret, int expected) {
        struct pollfd p = {.fd = http_listen_fd(l), .events = POLLIN};

        assert_int_equal(poll(&p, 1, 10000), 1);
        assert_int_equal(http_listen_accept(l, ret_fd, ret), expected);
}

static void test_tcp(void **state) {
        struct errmsg em = {};
        struct http_listen *l;
        struct http_peer peer;
        int client, fd, flag = 0;
        socklen_t size = sizeof flag;

        assert_int_equal(http_listen_open("localhost:0", NULL, &l, &em), 0);
        assert_true(http_listen_port(l) > 0);
        assert_false(http_listen_is_unix(l));
        assert_int_equal(strncmp(http_listen_address(l), "127.0.0.1:", 10), 0);
        assert_int_equal(http_listen_accept(l, &fd, &peer), -EAGAIN);
        client = dial_tcp(http_listen_port(l));
        accept_one(l, &fd, &peer, 0);
        assert_int_equal(peer.kind, HTTP_PEER_TCP);
        assert_string_equal(peer.address, "127.0.0.1");
        assert_true(peer.uid == (uid_t) -1);
        assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &flag, &size), 0);
        assert_int_equal(flag, 1);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
        close(client);
        http_listen_free(l);
}

static void test_allow_list(void **state) {
        struct http_listen_options o = {.allow_cidrs = "10.0.0.0/8"};
        struct http_listen *l;
        struct http_peer peer;
        int client, fd = -1;
        char byte;

        assert_int_equal(http_listen_open("127.0.0.1:0", &o, &l, NULL), 0);
        client = dial_tcp(http_listen_port(l));
        accept_one(l, &fd, &peer, -EACCES);
        assert_true(recv(client, &byte, 1, 0) <= 0);
        close(client);
        http_listen_free(l);
        o.allow_cidrs = "10.0.0.0/99";
        assert_int_equal(http_listen_open("127.0.0.1:0", &o, &l, NULL), -EINVAL);
}

static void test_beyond_loopback(void **state) {
        struct http_listen_options o = {.allow_remote = true};
        struct errmsg em = {};
        struct http_listen *l;

        assert_int_equal(http_listen_open("0.0.0.0:0", NULL, &l, &em), -EINVAL);
        assert_non_null(strstr(em.text, "0.0.0.0:0"));
        assert_int_equal(http_listen_open("[::]:0", NULL, &l, &em), -EINVAL);
        assert_int_equal(http_listen_open("0.0.0.0:0", &o, &l, &em), 0);
        http_listen_free(l);
}

static void test_bad_addresses(void **state) {
        static const char *const bad[] = {"",
                                          "80",
                                          ":80",
                                          "localhost:",
                                          "x:99999",
                                          "example.org:80",
                                          "127.0.0.1:-1",
                                          "::1:80",
                                          "[::1]",
                                          "[::1:80",
                                          "unix:",
                                          "unix:relative",
                                          "127.0.0.1:8o"};
        struct http_listen *l;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct errmsg em = {};

                assert_int_equal(http_listen_open(bad[i], NULL, &l, &em), -EINVAL);
                assert_true(strlen(em.text) > 10);
        }
}

static void test_unix(void **state) {
        struct http_listen_options o = {.unix_mode = 0600, .name = "here"};
        struct errmsg em = {};
        struct http_listen *l, *second;
        struct http_peer peer;
        struct stat st;
        int client, fd;

        assert_int_equal(http_listen_open(address, &o, &l, &em), 0);
        assert_string_equal(http_listen_name(l), "here");
        assert_string_equal(http_listen_address(l), address);
        assert_true(http_listen_is_unix(l));
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_true(http_listen_path_alive(path));
        client = dial_unix();
        assert_true(client >= 0);
        /* path_alive() has left one behind. */
        accept_one(l, &fd, &peer, 0);
        close(fd);
        accept_one(l, &fd, &peer, 0);
        assert_int_equal(peer.kind, HTTP_PEER_UNIX);
        assert_int_equal(peer.uid, getuid());
        assert_int_equal(peer.pid, getpid());
        close(fd);
        close(client);
        assert_int_equal(http_listen_open(address, NULL, &second, &em), -EADDRINUSE);
        assert_non_null(strstr(em.text, path));
        assert_int_equal(access(path, F_OK), 0);
        http_listen_free(l);
        assert_int_equal(access(path, F_OK), -1);
        assert_false(http_listen_path_alive(path));
}

/* What a killed process leaves behind is replaced. */
static void test_stale_unix(void **state) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        struct http_listen *l;
        int fd = socket(AF_UNIX, SOCK_STREAM, 0), client;

        snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
        assert_int_equal(bind(fd, (struct sockaddr *) &a, sizeof a), 0);
        close(fd);
        assert_int_equal(http_listen_open(address, NULL, &l, NULL), 0);
        client = dial_unix();
        assert_true(client >= 0);
        close(client);
        http_listen_free(l);
}

/* Somebody else's live socket, without our lock file, stays. */
static void test_live_unix(void **state) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        struct http_listen *l;
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
        assert_int_equal(bind(fd, (struct sockaddr *) &a, sizeof a), 0);
        assert_int_equal(listen(fd, 1), 0);
        assert_int_equal(http_listen_open(address, NULL, &l, NULL), -EADDRINUSE);
        close(fd);
        unlink(path);
}

static void test_not_a_socket(void **state) {
        int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        struct http_listen *l;

        close(fd);
        assert_int_equal(http_listen_open(address, NULL, &l, NULL), -EEXIST);
        assert_int_equal(unlink(path), 0);
}

/* As the service manager does: descriptors from 3 on, their names in the environment. */
static int handed_child(int listening) {
        char pid[16];
        struct http_listen *l, *second;
        struct http_peer peer;
        int fd;

        if (dup2(listening, 3) != 3)
                return 10;
        snprintf(pid, sizeof pid, "%d", (int) getpid());
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "1", 1);
        setenv("LISTEN_FDNAMES", "api", 1);
        if (http_listen_open("fd:other", NULL, &l, NULL) != -ENOENT)
                return 11;
        if (http_listen_open("fd:api", NULL, &l, NULL) != 0)
                return 12;
        if (http_listen_open("fd:api", NULL, &second, NULL) != -ENOENT)
                return 13;
        if (!(fcntl(3, F_GETFD) & FD_CLOEXEC) || http_listen_port(l) == 0)
                return 14;
        if (http_listen_accept(l, &fd, &peer) != 0)
                return 15;
        http_listen_free(l);
        return 0;
}

static void test_handed(void **state) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof a;
        int fd = socket(AF_INET, SOCK_STREAM, 0), client, status;
        pid_t pid;

        assert_int_equal(bind(fd, (struct sockaddr *) &a, size), 0);
        assert_int_equal(listen(fd, 5), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &a, &size), 0);
        client = dial_tcp(ntohs(a.sin_port));
        pid = fork();
        if (pid == 0)
                _exit(handed_child(fd));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        close(client);
        close(fd);
}

static void test_check(void **state) {
        static const char *const good[] = {"127.0.0.1:80", "[::1]:0", "localhost:1", "unix:/run/x",
                                           "fd:web"};
        struct errmsg em;

        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                assert_int_equal(http_listen_check(good[i], false, &em), 0);
        assert_int_equal(http_listen_check("0.0.0.0:80", true, &em), 0);
        assert_int_equal(http_listen_check("0.0.0.0:80", false, &em), -EINVAL);
        assert_non_null(strstr(em.text, "reachable from other machines"));
        assert_int_equal(http_listen_check("unix:x", true, &em), -EINVAL);
        assert_int_equal(http_listen_check("8080", true, &em), -EINVAL);
        (void) state;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_check),         cmocka_unit_test(test_tcp),
                cmocka_unit_test(test_allow_list),    cmocka_unit_test(test_beyond_loopback),
                cmocka_unit_test(test_bad_addresses), cmocka_unit_test(test_unix),
                cmocka_unit_test(test_stale_unix),    cmocka_unit_test(test_live_unix),
                cmocka_unit_test(test_not_a_socket),  cmocka_unit_test(test_handed),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
