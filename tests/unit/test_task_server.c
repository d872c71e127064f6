#include "tests/unit/base_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemons/task/task_server.h"

#define ID "01890a5d-ac96-774b-bcce-b302099a8057"

static int report[2]; /* a shim writes 'y' there when all is as it should be */

/* The server in a process of its own, as it is. */
static void server_main(int its) {
        static struct task_server s;
        char command[] = "--serve\0" ID, try_id[ENTROPY_UUID_SIZE];
        int r;

        report[1] = fcntl(report[1], F_DUPFD, 10);
        if (its != TASK_SERVER_FD)
                dup2(its, TASK_SERVER_FD);
        s.room = command;
        s.room_size = sizeof(command);
        r = task_server_run(&s, try_id);
        if (r == TASK_SERVER_SHIM) {
                bool good = strcmp(try_id, ID) == 0 && strcmp(command, ID) == 0 &&
                            getsid(0) == getpid();

                _exit(write(report[1], good ? "y" : "n", 1) == 1 ? 0 : 1);
        }
        _exit(r == TASK_SERVER_END ? 0 : 1);
}

static pid_t server_start(int *ret_fd) {
        int pair[2];
        pid_t pid;

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        pid = fork();
        if (pid == 0) {
                close(pair[0]);
                server_main(pair[1]);
        }
        close(pair[1]);
        *ret_fd = pair[0];
        return pid;
}

static long answer(int fd) {
        char text[32];
        ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

        assert_true(n > 0);
        text[n] = 0;
        return strtol(text, NULL, 10);
}

static void a_try_id_becomes_a_shim(void **state) {
        char said[2];
        int fd, status;
        long one, two;
        pid_t pid;

        assert_int_equal(pipe(report), 0);
        pid = server_start(&fd);
        assert_int_equal(send(fd, ID, strlen(ID), 0), strlen(ID));
        assert_int_equal(send(fd, ID, strlen(ID), 0), strlen(ID));
        one = answer(fd);
        two = answer(fd);
        assert_true(one > 0 && two > 0 && one != two);
        for (size_t i = 0; i < 2; i++)
                assert_int_equal(read(report[0], said + i, 1), 1);
        assert_memory_equal(said, "yy", 2);
        close(fd); /* as when the launcher ends */
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        close(report[0]);
        close(report[1]);
        (void) state;
}

/* Those that the server has now: shims, and the one that is ready. */
static size_t children_of(pid_t pid, pid_t *ret, size_t n_max) {
        char path[64];
        size_t n = 0;
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int) pid, (int) pid);
        f = fopen(path, "re");
        assert_non_null(f);
        while (n < n_max && fscanf(f, "%d", &ret[n]) == 1)
                n++;
        fclose(f);
        return n;
}

/* It is made after the answer, and the shim of that answer may have ended. */
static pid_t ready_of(pid_t server, long shim) {
        for (;;) {
                pid_t list[8];
                size_t n = children_of(server, list, 8);

                for (size_t i = 0; i < n; i++)
                        if (list[i] != shim)
                                return list[i];
                usleep(1000);
        }
}

static void who_was_ready_and_was_killed_is_made_anew(void **state) {
        int fd, status;
        long first, second;
        pid_t pid;
        char said;

        assert_int_equal(pipe(report), 0);
        pid = server_start(&fd);
        assert_int_equal(send(fd, ID, strlen(ID), 0), strlen(ID));
        first = answer(fd);
        assert_int_equal(read(report[0], &said, 1), 1);
        assert_int_equal(kill(ready_of(pid, first), SIGKILL), 0);
        while (children_of(pid, (pid_t[8]){}, 8) > 0)
                usleep(1000); /* reaped, both */
        assert_int_equal(send(fd, ID, strlen(ID), 0), strlen(ID));
        second = answer(fd);
        assert_true(second > 0);
        assert_int_equal(read(report[0], &said, 1), 1);
        assert_int_equal(said, 'y');
        close(fd);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        close(report[0]);
        close(report[1]);
        (void) state;
}

static void who_is_ready_ends_with_the_server(void **state) {
        int fd, status;
        pid_t pid;
        char said;

        assert_int_equal(pipe(report), 0);
        pid = server_start(&fd);
        assert_int_equal(send(fd, ID, strlen(ID), 0), strlen(ID));
        (void) ready_of(pid, answer(fd));
        assert_int_equal(read(report[0], &said, 1), 1);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        close(report[1]);
        assert_int_equal(read(report[0], &said, 1), 0); /* nobody has it any more */
        close(report[0]);
        close(fd);
        (void) state;
}

static void what_is_no_try_id_is_refused(void **state) {
        int fd, status;
        pid_t pid;

        assert_int_equal(pipe(report), 0);
        pid = server_start(&fd);
        assert_int_equal(send(fd, "../../etc", 9, 0), 9);
        assert_int_equal(answer(fd), -EINVAL);
        close(fd);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        close(report[0]);
        close(report[1]);
        (void) state;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_try_id_becomes_a_shim),
                cmocka_unit_test(who_was_ready_and_was_killed_is_made_anew),
                cmocka_unit_test(who_is_ready_ends_with_the_server),
                cmocka_unit_test(what_is_no_try_id_is_refused),
        };

        return cmocka_run_group_tests_name("task_server", tests, NULL, NULL);
}
