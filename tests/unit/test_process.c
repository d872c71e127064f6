#include "tests/unit/base_test.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include "lib/base/mem.h"
#include "lib/base/process.h"

/* Runs `sh -c script` with its output in a pipe; gives the output and the wait status. */
static char *run(struct process_spec s, const char *script, int *ret_status) {
        const char *argv[] = {"sh", "-c", script, NULL};
        struct errmsg em = {};
        char *text = NULL;
        int fds[2], r;
        pid_t pid;

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        s.path = "/bin/sh";
        s.argv = argv;
        s.fd_in = -1;
        s.fd_out = fds[1];
        s.fd_err = fds[1];
        r = process_spawn(&s, &pid, NULL, &em);
        close(fds[1]);
        if (r < 0)
                fail_msg("%s", em.text);
        assert_int_equal(fileio_read_fd(fds[0], 1 << 20, &text, NULL), 0);
        close(fds[0]);
        assert_int_equal(waitpid(pid, ret_status, 0), pid);
        return text;
}

static void output_and_status(void **state) {
        _cleanup_free_ char *text = NULL;
        int status;

        (void) state;
        text = run((struct process_spec){}, "read x || echo no input; exit 7", &status);
        assert_string_equal(text, "no input\n");
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void place_and_environment(void **state) {
        const char *const envp[] = {"A=1", "PATH=/usr/bin:/bin", NULL};
        _cleanup_free_ char *text = NULL;
        int status;

        (void) state;
        text = run((struct process_spec){.cwd = "/", .envp = envp}, "pwd; echo $A$HOME", &status);
        assert_string_equal(text, "/\n1\n");
}

static void only_the_named_fds_are_open(void **state) {
        int extra = open("/dev/null", O_RDONLY), a[2], keep[2];
        _cleanup_free_ char *text = NULL;
        int status;

        (void) state;
        assert_int_equal(pipe(a), 0);
        keep[0] = a[1];
        keep[1] = a[0];
        /* without a pipe, which the shell itself would have open for a moment */
        text = run((struct process_spec){.keep_fds = keep, .n_keep_fds = 2},
                   "echo hello >&3; head -c 6 <&4; ls /proc/$$/fd", &status);
        assert_string_equal(text, "hello\n0\n1\n2\n3\n4\n");
        close(extra);
        close(a[0]);
        close(a[1]);
}

/* Sources may stand in each other's places. */
static void crossed_fds(void **state) {
        _cleanup_free_ char *text = NULL;
        int a[2], status, keep[2];

        (void) state;
        assert_int_equal(pipe(a), 0);
        assert_int_equal(dup2(a[1], 20), 20);
        assert_int_equal(dup2(a[0], 4), 4);
        keep[0] = 4;
        keep[1] = 20;
        text = run((struct process_spec){.keep_fds = keep, .n_keep_fds = 2},
                   "echo x >&4; head -c 2 <&3", &status);
        assert_string_equal(text, "x\n");
        close(20);
        close(4);
        close(a[0]);
        close(a[1]);
}

static void failures_are_named(void **state) {
        const char *argv[] = {"x", NULL};
        struct process_spec s = {
                .path = "/nowhere/program", .argv = argv, .fd_in = -1, .fd_out = -1, .fd_err = -1};
        struct errmsg em;
        pid_t pid = 7;

        (void) state;
        assert_int_equal(process_spawn(&s, &pid, NULL, &em), -ENOENT);
        assert_says(em, "cannot start /nowhere/program: No such file");
        s.path = "/etc/passwd";
        assert_int_equal(process_spawn(&s, &pid, NULL, &em), -EACCES);
        s.path = "/bin/true";
        s.cwd = "/nowhere";
        assert_int_equal(process_spawn(&s, &pid, NULL, &em), -ENOENT);
        fault_arm(FAULT_SPAWN, 1, 0, 1);
        assert_int_equal(process_spawn(&s, &pid, NULL, &em), -EAGAIN);
        assert_int_equal(pid, 7);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left behind */
}

static void a_session_of_its_own(void **state) {
        _cleanup_free_ char *text = NULL;
        int status;

        (void) state;
        text = run((struct process_spec){.new_session = true},
                   "test $(ps -o sid= -p $$) = $$ && echo leader", &status);
        assert_string_equal(text, "leader\n");
}

static void the_pidfd_tells_the_end(void **state) {
        const char *argv[] = {"sleep", "0.05", NULL};
        struct process_spec s = {
                .path = "/bin/sleep", .argv = argv, .fd_in = -1, .fd_out = -1, .fd_err = -1};
        _cleanup_close_ int pidfd = -1;
        struct pollfd p;
        int status;
        pid_t pid;

        (void) state;
        assert_int_equal(process_spawn(&s, &pid, &pidfd, NULL), 0);
        p = (struct pollfd){.fd = pidfd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, 10000), 1);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(output_and_status),
                cmocka_unit_test(place_and_environment),
                cmocka_unit_test(only_the_named_fds_are_open),
                cmocka_unit_test(crossed_fds),
                cmocka_unit_test_teardown(failures_are_named, base_test_no_faults),
                cmocka_unit_test(a_session_of_its_own),
                cmocka_unit_test(the_pidfd_tells_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
