#include "tests/unit/base_test.h"

#include <errno.h>
#include <fcntl.h>
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
                cmocka_unit_test(what_is_no_try_id_is_refused),
        };

        return cmocka_run_group_tests_name("task_server", tests, NULL, NULL);
}
