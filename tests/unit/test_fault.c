#include "tests/unit/base_test.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

static void unarmed_costs_and_says_nothing(void **state) {
        (void) state;
        assert_false(fault_armed);
        assert_int_equal(fault_at(FAULT_WRITE), 0);
        assert_int_equal(fault_count(FAULT_WRITE), 0);
}

static void the_nth_fails(void **state) {
        (void) state;
        fault_arm(FAULT_WRITE, 3, 0, 2);
        assert_int_equal(fault_at(FAULT_WRITE), 0);
        assert_int_equal(fault_at(FAULT_FSYNC), 0);
        assert_int_equal(fault_at(FAULT_WRITE), 0);
        assert_int_equal(fault_at(FAULT_WRITE), -ENOSPC);
        assert_int_equal(errno, ENOSPC);
        assert_int_equal(fault_at(FAULT_WRITE), -ENOSPC);
        assert_int_equal(fault_at(FAULT_WRITE), 0);
        assert_int_equal(fault_count(FAULT_WRITE), 5);
}

static void texts(void **state) {
        (void) state;
        assert_int_equal(fault_arm_text("fsync:2:EDQUOT"), 0);
        assert_int_equal(fault_at(FAULT_FSYNC), 0);
        assert_int_equal(fault_at(FAULT_FSYNC), -EDQUOT);
        assert_int_equal(fault_at(FAULT_FSYNC), 0);
        assert_int_equal(fault_arm_text("rename"), 0);
        assert_int_equal(fault_at(FAULT_RENAME), -EIO);
        assert_int_equal(fault_arm_text("write:1:EIO:0"), 0);
        for (int i = 0; i < 5; i++)
                assert_int_equal(fault_at(FAULT_WRITE), -EIO);
        assert_int_equal(fault_arm_text("nothing"), -EINVAL);
        assert_int_equal(fault_arm_text("write:0"), -EINVAL);
        assert_int_equal(fault_arm_text("write:1:EWHAT"), -EINVAL);
        assert_int_equal(fault_arm_text("write:1:EIO:2:3"), -EINVAL);
        assert_int_equal(fault_arm_text(""), -EINVAL);
}

static void it_can_kill(void **state) {
        int status;
        pid_t pid;

        (void) state;
        fflush(NULL);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (fault_arm_text("fsync:2:kill") < 0 || fault_at(FAULT_FSYNC) < 0)
                        _exit(1);
                (void) fault_at(FAULT_FSYNC);
                _exit(2);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGKILL);
}

/* Stops at the second and third pass; *cell is what it is armed by. */
static void it_stops_and_goes_on(struct fault_cell *cell, int code_then, int expected) {
        int status;
        pid_t pid;

        fflush(NULL);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                int last = 0;

                for (int i = 0; i < 4; i++)
                        last = fault_at(FAULT_DB_WRITE) < 0 ? i : last;
                _exit(last);
        }
        for (int i = 0; i < 2; i++) {
                assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
                assert_true(WIFSTOPPED(status));
                if (cell && i == 1)
                        atomic_store(&cell->error_code, code_then);
                assert_int_equal(kill(pid, SIGCONT), 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), expected);
}

static void it_can_stop(void **state) {
        (void) state;
        assert_int_equal(fault_arm_text("db-write:2:stop:2"), 0);
        it_stops_and_goes_on(NULL, 0, 0);
}

static void armed_from_outside(void **state) {
        char path[PATH_MAX];
        struct fault_cell *seen;
        int fd;

        (void) snprintf(path, sizeof(path), "%s/cells", (char *) *state);
        assert_int_equal(fault_share(path), -ENOENT);
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, FAULT_N_POINTS * sizeof(*seen) - 1), 0);
        assert_int_equal(fault_share(path), -EINVAL);
        assert_int_equal(ftruncate(fd, FAULT_N_POINTS * sizeof(*seen)), 0);
        seen = mmap(NULL, FAULT_N_POINTS * sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                    0);
        assert_true(seen != MAP_FAILED);
        (void) close(fd);

        assert_int_equal(fault_share(path), 0);
        assert_int_equal(fault_at(FAULT_WRITE), 0);
        seen[FAULT_WRITE].error_code = EIO;
        seen[FAULT_WRITE].n_times = 1;
        seen[FAULT_WRITE].nth = 2;
        assert_int_equal(fault_at(FAULT_WRITE), 0);
        assert_int_equal(fault_at(FAULT_FSYNC), 0);
        assert_int_equal(fault_at(FAULT_WRITE), -EIO);
        assert_int_equal(fault_at(FAULT_WRITE), 0);
        assert_int_equal(seen[FAULT_WRITE].count, 3);
        assert_int_equal(seen[FAULT_FSYNC].count, 0);

        seen[FAULT_DB_WRITE].error_code = FAULT_STOP;
        seen[FAULT_DB_WRITE].n_times = 2;
        seen[FAULT_DB_WRITE].nth = 2;
        it_stops_and_goes_on(&seen[FAULT_DB_WRITE], ENOSPC, 2);
        assert_int_equal(seen[FAULT_DB_WRITE].count, 4);

        fault_reset();
        seen[FAULT_WRITE].nth = 1;
        assert_int_equal(fault_at(FAULT_WRITE), 0);
        (void) munmap(seen, FAULT_N_POINTS * sizeof(*seen));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(unarmed_costs_and_says_nothing),
                cmocka_unit_test_teardown(the_nth_fails, base_test_no_faults),
                cmocka_unit_test_teardown(texts, base_test_no_faults),
                cmocka_unit_test_teardown(it_can_kill, base_test_no_faults),
                cmocka_unit_test_teardown(it_can_stop, base_test_no_faults),
                dir_test(armed_from_outside),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
