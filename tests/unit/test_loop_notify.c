/* What the service manager hears, over a socket of our own. */
#include "tests/unit/net_test_cmocka.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "lib/net/loop.h"
#include "lib/net/loop_notify.h"

static int manager;
static char path[64];

static int setup(void **state) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        struct timeval tv = {.tv_sec = 20};

        snprintf(path, sizeof path, "/tmp/onebox-test-notify-%d.sock", (int) getpid());
        snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
        manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(setsockopt(manager, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), 0);
        return bind(manager, (struct sockaddr *) &a, sizeof a);
}

static int teardown(void **state) {
        close(manager);
        return unlink(path);
}

static void expect(const char *text) {
        char data[512];
        ssize_t n = recv(manager, data, sizeof data - 1, 0);

        assert_true(n > 0);
        data[n] = '\0';
        assert_string_equal(data, text);
}

static void test_without_manager(void **state) {
        struct loop *l;

        unsetenv("NOTIFY_SOCKET");
        assert_int_equal(loop_new(&l), 0);
        assert_int_equal(loop_notify_ready(), 0);
        assert_int_equal(loop_notify_status("x"), 0);
        assert_int_equal(loop_notify_stopping(), 0);
        assert_int_equal(loop_notify_watchdog(l), 0);
        loop_free(l);
}

static void test_states(void **state) {
        setenv("NOTIFY_SOCKET", path, 1);
        assert_int_equal(loop_notify_ready(), 0);
        expect("READY=1");
        assert_int_equal(loop_notify_status("%d runs\nREADY=0", 3), 0);
        expect("STATUS=3 runs READY=0");
        assert_int_equal(loop_notify_stopping(), 0);
        expect("STOPPING=1");
        unsetenv("NOTIFY_SOCKET");
}

static void test_watchdog(void **state) {
        struct loop *l;
        char pid[16];

        snprintf(pid, sizeof pid, "%d", (int) getpid());
        setenv("NOTIFY_SOCKET", path, 1);
        setenv("WATCHDOG_USEC", "20000", 1);
        setenv("WATCHDOG_PID", pid, 1);
        assert_int_equal(loop_new(&l), 0);
        assert_int_equal(loop_notify_watchdog(l), 0);
        for (unsigned i = 0; i < 3; i++) {
                while (loop_turn(l, USEC_PER_SEC) == 0)
                        ;
                expect("WATCHDOG=1");
        }
        loop_free(l);
        unsetenv("NOTIFY_SOCKET");
        unsetenv("WATCHDOG_USEC");
        unsetenv("WATCHDOG_PID");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_without_manager),
                cmocka_unit_test(test_states),
                cmocka_unit_test(test_watchdog),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
