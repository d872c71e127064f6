/* Reading and writing /proc/PID. */
#include "tests/unit/base_test.h"

#include <errno.h>
#include <unistd.h>

#include "lib/base/procfs.h"
#include "lib/base/str.h"

static void reads_as_much_as_fits(void **state) {
        char name[64], little[4], environment[65536];

        assert_true(procfs_read(getpid(), "comm", name, sizeof(name)) > 4);
        assert_string_equal(str_strip(name), "test_procfs");
        assert_int_equal(procfs_read(getpid(), "comm", little, sizeof(little)), 3);
        assert_string_equal(little, "tes");
        assert_true(procfs_read(getpid(), "environ", environment, sizeof(environment)) >= 0);
}

static void tells_of_failures(void **state) {
        char text[64] = "as it was";

        assert_int_equal(procfs_read(0, "comm", text, sizeof(text)), -ENOENT);
        assert_string_equal(text, "as it was");
        assert_true(procfs_read(getpid(), "task", text, sizeof(text)) < 0); /* a directory */
        assert_int_equal(procfs_write(0, "comm", "x"), -ENOENT);
}

static void writes(void **state) {
        char name[16];

        assert_int_equal(procfs_write(getpid(), "comm", "other"), 0);
        assert_int_equal(procfs_read(getpid(), "comm", name, sizeof(name)), 6);
        assert_string_equal(name, "other\n");
        assert_int_equal(procfs_write(getpid(), "oom_score_adj", "9999"), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_as_much_as_fits),
                cmocka_unit_test(tells_of_failures),
                cmocka_unit_test(writes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
