/* A process's try by its cgroup's path or its environment; what only looks like one is none. */
#include "fuse-gcs/lineage_try.h"

#include "tests/unit/base_test.h"

static const char *of_cgroup(const char *text) {
        static char id[LINEAGE_TRY_SIZE];

        return lineage_try_of_cgroup(text, id) ? id : NULL;
}

static void test_cgroup(void **state) {
        assert_string_equal(
                of_cgroup("0::/onebox.slice/onebox-tasks.slice/onebox-task-a1-2.service\n"),
                "a1-2");
        assert_string_equal(
                of_cgroup("0::/onebox.slice/onebox-tasks.slice/onebox-task-x.service/sub/deep\n"),
                "x");
        assert_string_equal(of_cgroup("0::/onebox.slice/onebox-tasks.slice/onebox-task-x.scope"),
                            "x");
        /* Version 1: one line a controller. */
        assert_string_equal(of_cgroup("12:cpu,cpuacct:/\n1:name=systemd:/onebox.slice/"
                                      "onebox-tasks.slice/onebox-task-y.service\n"),
                            "y");
        /* A user may make groups of any name below his own. */
        assert_null(of_cgroup(
                "0::/user.slice/u/onebox.slice/onebox-tasks.slice/onebox-task-x.service\n"));
        assert_null(of_cgroup("0::/system.slice/onebox-task-x.service\n"));
        assert_null(of_cgroup("0::/onebox.slice/onebox-tasks.slice/onebox-task-.service\n"));
        assert_null(of_cgroup("0::/onebox.slice/onebox-tasks.slice/onebox-task-a/b.service\n"));
        assert_null(of_cgroup("0::/onebox.slice/onebox-tasks.slice/onebox-task-x.timer\n"));
        assert_null(of_cgroup(""));
        assert_null(of_cgroup("nonsense\n::\n:\n"));
}

#define ENVIRON(text) text, sizeof(text) /* with the literal's own NUL */

static void test_environ(void **state) {
        char id[LINEAGE_TRY_SIZE];
        const char *token;

        assert_true(lineage_try_of_environ(
                ENVIRON("A=1\0ONEBOX_TRY_ID=t7\0MLFLOW_TRACKING_TOKEN=tok"), id, &token));
        assert_string_equal(id, "t7");
        assert_string_equal(token, "tok");
        assert_false(lineage_try_of_environ(ENVIRON("ONEBOX_TRY_ID=t7"), id, &token));
        assert_false(lineage_try_of_environ(ENVIRON("ONEBOX_TRY_ID=\0MLFLOW_TRACKING_TOKEN=tok"),
                                            id, &token));
        assert_false(lineage_try_of_environ(
                ENVIRON("ONEBOX_TRY_ID=../x\0MLFLOW_TRACKING_TOKEN=tok"), id, &token));
        assert_false(lineage_try_of_environ(
                ENVIRON("ONEBOX_TRY_ID=x\0MLFLOW_TRACKING_TOKEN=a\r\nb"), id, &token));
        /* Cut off. */
        assert_false(
                lineage_try_of_environ("ONEBOX_TRY_ID=x\0MLFLOW_TRACKING_TOKEN=a", 39, id, &token));
        assert_false(lineage_try_of_environ("", 0, id, &token));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cgroup),
                cmocka_unit_test(test_environ),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
