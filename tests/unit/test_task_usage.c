#include "tests/unit/base_test.h"

#include <sys/wait.h>

#include "daemons/task/task_usage.h"
#include "lib/base/str.h"

#define ID "01890a5d-ac96-774b-bcce-b302099a8057"

static void put(const char *dir, const char *name, const char *text) {
        char path[256];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        assert_int_equal(fileio_write_atomic(path, text, strlen(text), 0600), 0);
}

static void a_cgroup_has_the_last_word(void **state) {
        struct task_usage u = {.cpu_user_usec = 1, .peak_memory_bytes = 2, .read_bytes = 3};

        put(*state, "cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\n");
        put(*state, "memory.peak", "1048576\n");
        put(*state, "pids.events", "max 12\n");
        put(*state, "memory.events", "low 0\nhigh 0\nmax 4\noom 1\noom_kill 2\n");
        put(*state, "io.stat", "8:0 rbytes=100 wbytes=7 rios=1\n8:16 rbytes=11 wbytes=5 rios=1\n");
        task_usage_read_cgroup(*state, &u);
        assert_true(u.cgroup && u.oom);
        assert_int_equal(u.forks_refused, 12);
        assert_int_equal(u.cpu_user_usec, 20);
        assert_int_equal(u.cpu_system_usec, 10);
        assert_int_equal(u.peak_memory_bytes, 1048576);
        assert_int_equal(u.read_bytes, 111);
        assert_int_equal(u.written_bytes, 12);
}

static void without_files_all_stays(void **state) {
        struct task_usage u = {.cpu_user_usec = 1, .peak_memory_bytes = 2, .read_bytes = 3};

        task_usage_read_cgroup(*state, &u);
        assert_false(u.cgroup || u.oom);
        assert_int_equal(u.cpu_user_usec, 1);
        assert_int_equal(u.peak_memory_bytes, 2);
        put(*state, "memory.events", "oom_kill_other 3\noom_kill 0\n");
        task_usage_read_cgroup(*state, &u);
        assert_false(u.oom);
}

static void children_count(void **state) {
        struct task_usage u;
        int status;
        pid_t pid = fork();

        (void) state;
        if (pid == 0) {
                volatile unsigned n = 0;

                while (n < 50 * 1000 * 1000)
                        n++;
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        task_usage_get(ID, &u);
        assert_true(u.cpu_user_usec + u.cpu_system_usec > 0);
        assert_true(u.peak_memory_bytes > 0);
        assert_false(u.cgroup);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                dir_test(a_cgroup_has_the_last_word),
                dir_test(without_files_all_stays),
                cmocka_unit_test(children_count),
        };

        return cmocka_run_group_tests_name("task_usage", tests, NULL, NULL);
}
