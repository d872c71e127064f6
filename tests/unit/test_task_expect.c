#include "tests/unit/base_test.h"

#include <inttypes.h>
#include <sys/stat.h>

#include "daemons/task/task_expect.h"

static void what_is_there(void **state) {
        struct errmsg em = {};
        char text[256];
        struct stat st;

        assert_int_equal(stat(*state, &st), 0);
        snprintf(text, sizeof(text), "%" PRIu64 ":%" PRIu64 ":%s", (uint64_t) st.st_dev,
                 (uint64_t) st.st_ino, (char *) *state);
        assert_int_equal(task_expect_check(text, &em), 0);
        snprintf(text, sizeof(text), "%" PRIu64 ":%" PRIu64 ":%s", (uint64_t) st.st_dev,
                 (uint64_t) st.st_ino + 1, (char *) *state);
        assert_int_equal(task_expect_check(text, &em), -ESTALE);
        assert_says(em, "not what was allowed");
        assert_int_equal(task_expect_check("1:2:/none/there", &em), -ENOENT);
        assert_says(em, "/none/there");
}

static void no_such_text(void **state) {
        static const char *const rows[] = {"", "1", "1:2", "1:2:", "1:2:x", "x:2:/", ":1:/"};
        struct errmsg em;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_int_equal(task_expect_check(rows[i], &em), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {dir_test(what_is_there), cmocka_unit_test(no_such_text)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
