/* Opening below a directory, with openat2(2) and without it: nothing outside can be reached. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/store/store_local_dir.h"

/* The kernel answers openat2(2) with `error` from now on, as an old one or a sandbox does. */
static int deny_openat2(int error) {
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned) error),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {.len = ARRAY_SIZE(filter), .filter = filter};

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

static void make_tree(const struct test_dir *t) {
        char path[256], outside[128];

        (void) snprintf(path, sizeof(path), "%s/root/a/b", t->path);
        assert_int_equal(fileio_mkdir_p(path, 0700), 0);
        (void) snprintf(path, sizeof(path), "%s/root/a/b/file", t->path);
        assert_int_equal(fileio_write_atomic(path, "x", 1, 0600), 0);
        (void) snprintf(outside, sizeof(outside), "%s/outside", t->path);
        assert_int_equal(fileio_mkdir_p(outside, 0700), 0);
        (void) snprintf(path, sizeof(path), "%s/outside/secret", t->path);
        assert_int_equal(fileio_write_atomic(path, "x", 1, 0600), 0);
        (void) snprintf(path, sizeof(path), "%s/root/link", t->path);
        assert_int_equal(symlink(outside, path), 0);
        (void) snprintf(path, sizeof(path), "%s/root/a/up", t->path);
        assert_int_equal(symlink("../..", path), 0);
        (void) snprintf(path, sizeof(path), "%s/root/a/filelink", t->path);
        assert_int_equal(symlink("b/file", path), 0);
}

static int try_open(int root_fd, const char *name, int flags) {
        int fd = store_local_dir_open(root_fd, name, flags);

        if (fd >= 0)
                (void) close(fd);
        return fd < 0 ? fd : 0;
}

/* The number of the first answer that is not as it must be, 0 for none. */
static int check_tree(const struct test_dir *t) {
        static const struct {
                const char *name;
                int flags, answer;
        } rows[] = {
                {"a", O_RDONLY | O_DIRECTORY, 0},
                {"a/b", O_RDONLY | O_DIRECTORY, 0},
                {"a/b/file", O_RDONLY | O_NOFOLLOW, 0},
                {"a/b/none", O_RDONLY | O_NOFOLLOW, -ENOENT},
                {"none/b", O_RDONLY | O_NOFOLLOW, -ENOENT},
                {"a/b/file/x", O_RDONLY | O_NOFOLLOW, -ENOTDIR},
                {"a/b/file", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, -ENOTDIR},
                {"link", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, -ELOOP},
                {"link/secret", O_RDONLY | O_NOFOLLOW, -ELOOP},
                {"a/up/outside/secret", O_RDONLY | O_NOFOLLOW, -ELOOP},
                {"a/filelink", O_RDONLY | O_NOFOLLOW, -ELOOP},
        };
        char path[128];
        const char *base;
        int root_fd, fd, bad = 0;

        (void) snprintf(path, sizeof(path), "%s/root", t->path);
        root_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (size_t i = 0; bad == 0 && i < ARRAY_SIZE(rows); i++)
                if (try_open(root_fd, rows[i].name, rows[i].flags) != rows[i].answer)
                        bad = (int) i + 1;
        fd = store_local_dir_parent(root_fd, "new/deep/file", true, &base);
        if (fd < 0 || strcmp(base, "file") != 0 ||
            store_local_dir_parent(root_fd, "link/x", true, &base) != -ELOOP ||
            store_local_dir_parent(root_fd, "no/x", false, &base) != -ENOENT)
                bad = bad ? bad : 50;
        store_local_dir_prune(root_fd, "new/deep/file");
        if (try_open(root_fd, "new", O_RDONLY) != -ENOENT ||
            try_open(root_fd, "a/b", O_RDONLY) != 0)
                bad = bad ? bad : 51;
        if (fd >= 0)
                (void) close(fd);
        (void) close(root_fd);
        return bad;
}

static void check_without_openat2(struct test_dir *t, int error) {
        int status = -1;
        pid_t pid;

        make_tree(t);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(deny_openat2(error) < 0 ? 99 : check_tree(t));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 99)
                skip(); /* no seccomp here */
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_with_openat2(void **state) {
        make_tree(*state);
        assert_int_equal(check_tree(*state), 0);
}

static void test_on_an_old_kernel(void **state) {
        check_without_openat2(*state, ENOSYS);
}

static void test_in_a_sandbox(void **state) {
        check_without_openat2(*state, EPERM);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_DIR(test_with_openat2),
                IN_DIR(test_on_an_old_kernel),
                IN_DIR(test_in_a_sandbox),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
