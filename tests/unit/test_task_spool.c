#include "tests/unit/base_test.h"

#include <sys/stat.h>

#include "daemons/task/task_spool.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static bool is_there(const char *dir, const char *name) {
        _cleanup_free_ char *path = str_printf("%s/%s", dir, name);

        return access(path, F_OK) == 0;
}

static void assert_end(const char *dir, const char *want) {
        _cleanup_free_ char *path = str_printf("%s/end.json", dir), *text = NULL;

        assert_int_equal(fileio_read(path, 1 << 16, &text, NULL), 0);
        assert_string_equal(text, want);
}

static void a_life(void **state) {
        struct task_spool s;
        struct errmsg em;

        assert_int_equal(task_spool_init(&s, *state, &em), 0);
        task_spool_beat(&s, 42);
        assert_int_equal(fileio_is_locked(s.lock_fd), 0); /* our own */
        assert_int_equal(task_spool_start(&s, &em), 0);
        assert_true(is_there(*state, "started"));
        assert_false(is_there(*state, "end.json"));
        assert_int_equal(task_spool_end(&s, "{}\n", 3), 0);
        assert_end(*state, "{}\n");
        assert_false(is_there(*state, "end.tmp"));
        assert_false(task_spool_is_acked(&s));
        task_spool_done(&s);
}

static void only_one_holds_it(void **state) {
        struct task_spool a, b;
        struct errmsg em;

        assert_int_equal(task_spool_init(&a, *state, &em), 0);
        assert_int_equal(task_spool_init(&b, *state, &em), -EBUSY);
        task_spool_done(&b);
        task_spool_done(&a);
        assert_int_equal(task_spool_init(&b, *state, &em), 0);
        task_spool_done(&b);
}

static void only_one_start(void **state) {
        struct task_spool s;
        struct errmsg em;

        assert_int_equal(task_spool_init(&s, *state, &em), 0);
        assert_int_equal(task_spool_start(&s, &em), 0);
        assert_int_equal(task_spool_start(&s, &em), -EEXIST);
        assert_says(em, "before");
        task_spool_done(&s);
}

/* Nothing has begun when the room for the end cannot be taken; it may be tried again. */
static void no_start_on_a_full_disk(void **state) {
        struct task_spool s;
        struct errmsg em;

        assert_int_equal(task_spool_init(&s, *state, &em), 0);
        fault_arm(FAULT_WRITE, 1, ENOSPC, 1);
        assert_int_equal(task_spool_start(&s, &em), -ENOSPC);
        assert_false(is_there(*state, "started"));
        assert_int_equal(task_spool_start(&s, &em), 0);
        task_spool_done(&s);
}

static void the_end_is_tried_until_it_stands(void **state) {
        static const enum fault_point points[] = {FAULT_WRITE, FAULT_RENAME, FAULT_FSYNC};
        struct task_spool s;
        struct errmsg em;

        assert_int_equal(task_spool_init(&s, *state, &em), 0);
        assert_int_equal(task_spool_start(&s, &em), 0);
        for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
                fault_arm(points[i], 1, 0, 1);
                assert_true(task_spool_end(&s, "{\"a\":1}", 7) < 0 || task_spool_sync(&s) < 0);
                fault_reset();
        }
        assert_int_equal(task_spool_end(&s, "{\"a\":1}", 7), 0);
        assert_int_equal(task_spool_sync(&s), 0);
        assert_int_equal(task_spool_sync(&s), 0); /* it is there */
        assert_end(*state, "{\"a\":1}");
        task_spool_done(&s);
}

static void a_directory_that_is_none(void **state) {
        _cleanup_free_ char *missing = str_printf("%s/x", (char *) *state);
        _cleanup_free_ char *link = str_printf("%s/link", (char *) *state);
        struct task_spool s;
        struct errmsg em;

        assert_int_equal(task_spool_init(&s, missing, &em), -ENOENT);
        assert_says(em, missing);
        task_spool_done(&s);
        assert_int_equal(symlink("/tmp", link), 0);
        assert_true(task_spool_init(&s, link, &em) < 0);
        task_spool_done(&s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                dir_test(a_life),
                dir_test(only_one_holds_it),
                dir_test(only_one_start),
                dir_test(no_start_on_a_full_disk),
                dir_test(the_end_is_tried_until_it_stands),
                dir_test(a_directory_that_is_none),
        };

        return cmocka_run_group_tests_name("task_spool", tests, NULL, NULL);
}
