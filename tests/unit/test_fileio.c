#include "tests/unit/base_test.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

static void assert_holds(const char *path, const char *text) {
        _cleanup_free_ char *data = NULL;
        size_t len;

        assert_int_equal(fileio_read(path, 1 << 20, &data, &len), 0);
        assert_string_equal(data, text);
        assert_int_equal(len, strlen(text));
}

static void assert_n_files(const char *dir, size_t n) {
        _cleanup_(str_free_listp) char **names = NULL;

        assert_int_equal(fileio_list(dir, NULL, &names), 0);
        assert_int_equal(str_count(names), n);
}

static void reading(void **state) {
        _cleanup_free_ char *path = str_printf("%s/f", (char *) *state), *data = NULL;
        _cleanup_free_ char *cmdline = NULL;
        size_t len = 9;

        assert_int_equal(fileio_read(path, 100, &data, &len), -ENOENT);
        assert_int_equal(fileio_write_atomic(path, "", 0, 0600), 0);
        assert_holds(path, "");
        assert_int_equal(fileio_write_atomic(path, "0123456789", 10, 0600), 0);
        assert_holds(path, "0123456789");
        assert_int_equal(fileio_read(path, 9, &data, &len), -EFBIG);
        assert_int_equal(fileio_read(path, 10, &data, &len), 0);
        assert_int_equal(fileio_read("/proc/self/cmdline", 1 << 20, &cmdline, &len), 0);
        assert_true(len > 0);
        assert_int_equal(fileio_read(*state, 100, &data, &len), -EISDIR);
}

/* Whatever fails, the old bytes stand and nothing else is left behind. */
static void a_failed_write_changes_nothing(void **state) {
        static const char *const faults[] = {"open",   "write",   "fsync",
                                             "rename", "entropy", "alloc"};
        _cleanup_free_ char *path = str_printf("%s/f", (char *) *state);

        assert_int_equal(fileio_write_durable(path, "old", 3, 0600), 0);
        for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
                assert_int_equal(fault_arm_text(faults[i]), 0);
                assert_true(fileio_write_durable(path, "new", 3, 0600) < 0);
                fault_reset();
                assert_holds(path, "old");
                assert_n_files(*state, 1);
        }
        assert_int_equal(fileio_write_durable(path, "new", 3, 0600), 0);
        assert_holds(path, "new");
}

/* Killed at any step of a durable write: the file holds the old bytes or the new ones, whole. */
static void a_kill_leaves_old_or_new(void **state) {
        static const char *const steps[] = {"open:1",   "entropy:1", "write:1", "fsync:1",
                                            "rename:1", "open:2",    "fsync:2"};
        _cleanup_free_ char *path = str_printf("%s/f", (char *) *state);
        unsigned n_new = 0;

        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                _cleanup_free_ char *data = NULL;
                char text[32];
                int status;
                pid_t pid;

                assert_int_equal(fileio_write_durable(path, "old", 3, 0600), 0);
                (void) snprintf(text, sizeof(text), "%s:kill", steps[i]);
                fflush(NULL);
                pid = fork();
                assert_true(pid >= 0);
                if (pid == 0) {
                        if (fault_arm_text(text) == 0)
                                (void) fileio_write_durable(path, "new bytes", 9, 0600);
                        _exit(0);
                }
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFSIGNALED(status));
                assert_int_equal(fileio_read(path, 100, &data, NULL), 0);
                assert_true(str_eq(data, "old") || str_eq(data, "new bytes"));
                n_new += str_eq(data, "new bytes");
        }
        assert_int_equal(n_new, 2); /* after the rename, before the directory is synced */
}

/* When only the directory's fsync fails the new bytes are there, but the caller hears of it. */
static void a_failed_directory_sync_is_told(void **state) {
        _cleanup_free_ char *path = str_printf("%s/f", (char *) *state);

        fault_arm(FAULT_FSYNC, 2, 0, 1);
        assert_int_equal(fileio_write_durable(path, "x", 1, 0600), -EIO);
        fault_reset();
        assert_holds(path, "x");
        assert_int_equal(fileio_fsync_dir(*state), 0);
}

static void below_a_directory_fd(void **state) {
        _cleanup_close_ int dir = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *data = NULL, *sub = str_printf("%s/sub", (char *) *state);
        size_t len;

        assert_int_equal(fileio_mkdir_p(sub, 0700), 0);
        assert_int_equal(fileio_write_durable_at(dir, "sub/x", "deep", 4, 0640), 0);
        assert_int_equal(fileio_read_at(dir, "sub/x", 10, &data, &len), 0);
        assert_string_equal(data, "deep");
        assert_n_files(sub, 1);
}

static void trees(void **state) {
        _cleanup_free_ char *deep = str_printf("%s/a/b/c", (char *) *state),
                            *file = str_printf("%s/a/b/c/f", (char *) *state),
                            *top = str_printf("%s/a", (char *) *state),
                            *link = str_printf("%s/a/link", (char *) *state),
                            *kept = str_printf("%s/kept", (char *) *state),
                            *under = str_printf("%s/kept/x", (char *) *state);

        assert_int_equal(fileio_mkdir_p(deep, 0755), 0);
        assert_int_equal(fileio_mkdir_p(deep, 0755), 0);
        assert_int_equal(fileio_write_atomic(file, "1", 1, 0600), 0);
        assert_int_equal(fileio_mkdir_p(under, 0755), 0);
        assert_int_equal(fileio_mkdir_parents(under, 0755), 0);
        assert_int_equal(symlink(kept, link), 0);
        assert_int_equal(fileio_mkdir_p(file, 0755), -ENOTDIR);
        assert_int_equal(fileio_rm_rf(top), 0);
        assert_int_equal(access(top, F_OK), -1);
        assert_int_equal(access(under, F_OK), 0); /* links are not followed */
        assert_int_equal(fileio_rm_rf(top), 0);
        assert_int_equal(fileio_unlink(top), 0);
        fault_arm(FAULT_MKDIR, 1, 0, 1);
        assert_int_equal(fileio_mkdir_p(top, 0755), -ENOSPC);
}

static void listing(void **state) {
        _cleanup_(str_free_listp) char **names = NULL, **none = NULL;
        static const char *const files[] = {"b.conf", "a.conf", "c.txt", ".hidden.conf"};

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                _cleanup_free_ char *path = str_printf("%s/%s", (char *) *state, files[i]);

                assert_int_equal(fileio_write_atomic(path, "", 0, 0600), 0);
        }
        assert_int_equal(fileio_list(*state, ".conf", &names), 0);
        assert_int_equal(str_count(names), 3);
        assert_string_equal(names[0], ".hidden.conf");
        assert_string_equal(names[1], "a.conf");
        assert_string_equal(names[2], "b.conf");
        assert_int_equal(fileio_list(*state, ".nothing", &none), 0);
        assert_int_equal(str_count(none), 0);
        assert_int_equal(fileio_list("/nowhere-at-all", NULL, &names), -ENOENT);
}

static void locks(void **state) {
        _cleanup_free_ char *path = str_printf("%s/lock", (char *) *state);
        int a = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        _cleanup_close_ int b = open(path, O_RDWR | O_CLOEXEC);

        assert_int_equal(fileio_is_locked(b), 0);
        assert_int_equal(fileio_lock(a), 0);
        assert_int_equal(fileio_is_locked(b), 1);
        assert_int_equal(fileio_lock(b), -EAGAIN);
        assert_int_equal(fileio_lock(a), 0);
        assert_int_equal(fileio_close(a), -1);
        assert_int_equal(fileio_is_locked(b), 0);
        assert_int_equal(fileio_lock(b), 0);
}

static void whole_pipes(void **state) {
        char data[100000], back[100000];
        _cleanup_close_ int in = -1, out = -1;
        size_t n;
        int fds[2];

        (void) state;
        memset(data, 'x', sizeof(data));
        assert_int_equal(pipe(fds), 0);
        in = fds[0];
        out = fds[1];
        assert_int_equal(fileio_write_all(out, data, 50000), 0);
        out = fileio_close(out);
        assert_int_equal(fileio_read_full(in, back, sizeof(back), &n), 0);
        assert_int_equal(n, 50000);
        assert_memory_equal(back, data, 50000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                dir_test(reading),
                dir_test(a_failed_write_changes_nothing),
                dir_test(a_kill_leaves_old_or_new),
                dir_test(a_failed_directory_sync_is_told),
                dir_test(below_a_directory_fd),
                dir_test(trees),
                dir_test(listing),
                dir_test(locks),
                cmocka_unit_test(whole_pipes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
