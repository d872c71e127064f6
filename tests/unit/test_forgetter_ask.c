/* The words the kernel is asked in: the message as linux/fuse.h has it, and what is refused. */
#include "fuse-gcs/forgetter_ask.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/base_test.h"

static void test_message(void **state) {
        static const uint64_t inos[] = {UINT64_C(0x1122334455667788), 2, 3};
        struct {
                uint32_t len;
                int32_t code;
                uint64_t unique;
                uint32_t count, padding;
                uint64_t spare;
                uint64_t inos[3];
        } got;
        int fds[2];

        assert_int_equal(pipe(fds), 0);
        assert_int_equal(forgetter_ask_prune(fds[1], inos, 3), 0);
        close(fds[1]);
        assert_int_equal(read(fds[0], &got, sizeof(got)), 56);
        assert_int_equal(got.len, 56);
        assert_int_equal(got.code, 9);
        assert_true(got.unique == 0 && got.padding == 0 && got.spare == 0);
        assert_int_equal(got.count, 3);
        assert_memory_equal(got.inos, inos, sizeof(inos));
        close(fds[0]);
        assert_int_equal(forgetter_ask_prune(-1, inos, 3), -EBADF);
}

static void test_an_older_kernel(void **state) {
        uint64_t ino = 5;

        fault_arm(FAULT_PRUNE, 1, 0, 1);
        assert_int_equal(forgetter_ask_prune(-1, &ino, 1), -EINVAL);
        fault_reset();
}

static void test_only_what_was_mounted_there(void **state) {
        const char *dir = *state;
        struct stat st;

        assert_int_equal(stat(dir, &st), 0);
        assert_int_equal(forgetter_ask_shrink(dir, 0), -ESTALE);
        assert_int_equal(forgetter_ask_shrink(dir, st.st_dev + 1), -ESTALE);
        assert_int_equal(forgetter_ask_shrink("/none/such", st.st_dev), -ESTALE);
        /* No root of a mount, or not for us. */
        assert_true(forgetter_ask_shrink(dir, st.st_dev) < 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_message),
                cmocka_unit_test(test_an_older_kernel),
                cmocka_unit_test_setup_teardown(test_only_what_was_mounted_there,
                                                base_test_dir_setup, base_test_dir_teardown),
        };

        return cmocka_run_group_tests_name("forgetter_ask", tests, NULL, NULL);
}
