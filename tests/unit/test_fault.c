#include "tests/unit/base_test.h"

#include <signal.h>
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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(unarmed_costs_and_says_nothing),
                cmocka_unit_test_teardown(the_nth_fails, base_test_no_faults),
                cmocka_unit_test_teardown(texts, base_test_no_faults),
                cmocka_unit_test_teardown(it_can_kill, base_test_no_faults),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
