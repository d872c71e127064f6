#include "tests/unit/base_test.h"

#include "cli/up_lock.h"

static void one_holder_at_a_time(void **state) {
        struct paths p = {};
        struct errmsg em = {};
        int fd = -1, other = -1;

        assert_int_equal(paths_init(&p, *state, *state, NULL, NULL), 0);
        assert_int_equal(up_lock_holder(&p, &em), 0);
        assert_int_equal(up_lock_take(&p, &fd, &em), 0);
        assert_int_equal(up_lock_holder(&p, &em), getpid());
        assert_int_equal(up_lock_take(&p, &other, &em), -EBUSY);
        assert_says(em, "already runs");
        assert_says(em, "onebox down");
        assert_int_equal(other, -1);
        fd = fileio_close(fd);
        assert_int_equal(up_lock_holder(&p, &em), 0); /* the pid in the file counts no more */
        assert_int_equal(up_lock_take(&p, &fd, &em), 0);
        fileio_close(fd);
        paths_done(&p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                dir_test(one_holder_at_a_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
