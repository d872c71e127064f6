/* What a command leaves: kept durably and readably, links and pipes passed over. */
#include "tests/unit/base_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemons/task/task_xcom.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"

static char dir[64];
static int dir_fd = -1;

static int setup(void **state) {
        strcpy(dir, "/tmp/onebox-task-xcom-XXXXXX");
        assert_non_null(mkdtemp(dir));
        dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(dir_fd >= 0);
        assert_int_equal(task_xcom_begin(dir_fd), 0);
        assert_int_equal(task_xcom_begin(dir_fd), 0);
        return 0;
}

static int teardown(void **state) {
        close(dir_fd);
        return fileio_rm_rf(dir);
}

static void put(const char *name, const char *text, mode_t mode) {
        int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t) strlen(text));
        close(fd);
}

static void expect(const char *name, const char *text) {
        char *got = NULL;
        size_t len;

        assert_int_equal(fileio_read_at(dir_fd, name, 1 << 20, &got, &len), 0);
        assert_string_equal(got, text);
        mem_free(got);
}

static const struct task_log_line *line(const char *text) {
        static struct task_log_line l;

        l.len = strlen(text);
        memcpy(l.text, text, l.len);
        return &l;
}

static void test_nothing_leaves_nothing(void **state) {
        struct errmsg em;

        assert_int_equal(task_xcom_end(dir_fd, NULL, &em), 0);
        assert_int_equal(unlinkat(dir_fd, "xcom", AT_REMOVEDIR), 0); /* empty */
        assert_int_equal(task_xcom_end(dir_fd, NULL, &em), 0);
}

static void test_last_line(void **state) {
        struct errmsg em;

        assert_int_equal(task_xcom_end(dir_fd, line("42"), &em), 0);
        expect("xcom/return_value", "42");
}

/* What the command says itself is not overridden by its last line. */
static void test_own_return_value(void **state) {
        struct errmsg em;

        put("xcom/return_value.json", "[1]", 0600);
        put("xcom/other", "x", 0200);
        assert_int_equal(task_xcom_end(dir_fd, line("42"), &em), geteuid() == 0 ? 0 : -EACCES);
        assert_int_equal(faccessat(dir_fd, "xcom/return_value", F_OK, 0), -1);
        expect("xcom/return_value.json", "[1]");
}

static void test_readable_for_others(void **state) {
        struct errmsg em;
        struct stat st;

        put("xcom/k", "v", 0600);
        assert_int_equal(task_xcom_end(dir_fd, NULL, &em), 0);
        assert_int_equal(fstatat(dir_fd, "xcom/k", &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0644);
}

static void test_strange_files(void **state) {
        struct errmsg em;

        assert_int_equal(symlinkat("/etc/passwd", dir_fd, "xcom/link"), 0);
        assert_int_equal(mkfifoat(dir_fd, "xcom/fifo", 0600), 0);
        assert_int_equal(mkdirat(dir_fd, "xcom/dir", 0700), 0);
        assert_int_equal(task_xcom_end(dir_fd, NULL, &em), 0);
}

static void test_directory_taken_away(void **state) {
        struct errmsg em = {};

        assert_int_equal(unlinkat(dir_fd, "xcom", AT_REMOVEDIR), 0);
        assert_int_equal(task_xcom_end(dir_fd, line("x"), &em), -ENOENT);
        assert_non_null(strstr(em.text, "xcom"));
}

int main(void) {
#define ON(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
        const struct CMUnitTest tests[] = {
                ON(test_nothing_leaves_nothing), ON(test_last_line),
                ON(test_own_return_value),       ON(test_readable_for_others),
                ON(test_strange_files),          ON(test_directory_taken_away),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
