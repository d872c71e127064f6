/* Sockets handed over by the service manager, found by their address; kept and forgotten ones are
 * told to it. */
#include "tests/unit/base_test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/net/listen_fds.h"

/* The manager numbers them from 3. */
static struct sockaddr_in tcp;

static void hand_over(int fd, int as) {
        assert(dup2(fd, as) == as);
        close(fd);
}

static void test_taken_by_address(void **state) {
        struct sockaddr_in other = tcp;
        int fd;

        other.sin_port = htons((uint16_t) (ntohs(tcp.sin_port) + 1));
        assert_int_equal(listen_fds_take((struct sockaddr *) &other, sizeof other), -ENOENT);
        fd = listen_fds_take((struct sockaddr *) &tcp, sizeof tcp);
        assert_int_equal(fd, 3);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        /* Once. */
        assert_int_equal(listen_fds_take((struct sockaddr *) &tcp, sizeof tcp), -ENOENT);
        close(fd);
}

static void test_the_rest_is_closed(void **state) {
        listen_fds_close_rest();
        assert_int_equal(fcntl(4, F_GETFD), -1);
}

static void test_kept_ones_are_told(void **state) {
        struct sockaddr_un sa = {.sun_family = AF_UNIX};
        char text[300], control[CMSG_SPACE(sizeof(int))];
        struct iovec iov = {text, sizeof text - 1};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
        int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        ssize_t n;

        snprintf(sa.sun_path, sizeof sa.sun_path, "%s/notify", (char *) *state);
        assert_int_equal(bind(manager, (struct sockaddr *) &sa, sizeof sa), 0);
        setenv("NOTIFY_SOCKET", sa.sun_path, 1);
        assert_int_equal(listen_fds_keep(manager, "127.0.0.1:5432"), 1);
        n = recvmsg(manager, &msg, 0);
        assert_true(n > 0);
        text[n] = 0;
        assert_non_null(strstr(text, "FDSTORE=1\nFDNAME=127.0.0.1.5432"));
        assert_true(msg.msg_controllen > 0);
        close(*(int *) CMSG_DATA(CMSG_FIRSTHDR(&msg)));
        assert_int_equal(listen_fds_forget("127.0.0.1:5432"), 0);
        n = recv(manager, text, sizeof text - 1, 0);
        assert_true(n > 0);
        text[n] = 0;
        assert_non_null(strstr(text, "FDSTOREREMOVE=1\nFDNAME=127.0.0.1.5432"));
        unsetenv("NOTIFY_SOCKET");
        close(manager);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_taken_by_address),
                cmocka_unit_test(test_the_rest_is_closed),
                dir_test(test_kept_ones_are_told),
        };
        socklen_t size = sizeof tcp;
        char pid[20];
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        tcp = (struct sockaddr_in){.sin_family = AF_INET};
        tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        assert(bind(fd, (struct sockaddr *) &tcp, sizeof tcp) == 0 && listen(fd, 1) == 0);
        assert(getsockname(fd, (struct sockaddr *) &tcp, &size) == 0);
        if (fd != 3)
                hand_over(fd, 3);
        /* Another one, that nobody wants: no listener. */
        fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd != 4)
                hand_over(fd, 4);
        snprintf(pid, sizeof pid, "%d", (int) getpid());
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "2", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
