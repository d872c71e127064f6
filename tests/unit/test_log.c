#include "tests/unit/base_test.h"

#include <fcntl.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"

static int saved_stderr = -1;

/* stderr goes into a file while a test runs. */
static int capture_start(void **state) {
        char name[] = "/tmp/onebox-log-XXXXXX";
        int fd = mkstemp(name);

        (void) state;
        if (fd < 0)
                return -1;
        unlink(name);
        saved_stderr = fcntl(2, F_DUPFD_CLOEXEC, 10);
        dup2(fd, 2);
        close(fd);
        unsetenv("JOURNAL_STREAM");
        log_init("test");
        log_set_level(LOG_INFO);
        return 0;
}

static int capture_end(void **state) {
        (void) state;
        dup2(saved_stderr, 2);
        close(saved_stderr);
        return 0;
}

static char *captured(void) {
        char *text;

        assert_true(lseek(2, 0, SEEK_SET) == 0);
        assert_int_equal(fileio_read_fd(2, 1 << 20, &text, NULL), 0);
        return text;
}

static void one_line_with_fields(void **state) {
        _cleanup_free_ char *text = NULL;

        (void) state;
        errno = 77;
        log_struct(LOG_NOTICE, LOG_FIELDS({"ONEBOX_DAG", "iris"}, {"NONE", NULL}, {"N", "a\nb"}),
                   "run %d ended\nsurprise", 5);
        assert_int_equal(errno, 77);
        text = captured();
        assert_non_null(
                strstr(text, "Z notice test: run 5 ended surprise ONEBOX_DAG=iris N=a b\n"));
        assert_null(strstr(text, "NONE"));
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void levels_filter(void **state) {
        _cleanup_free_ char *text = NULL;
        int level;

        (void) state;
        log_debug("hidden");
        log_info("seen");
        log_set_level(LOG_ERR);
        log_warning("hidden too");
        assert_int_equal(log_errno(-ENOENT, "opening %s", "x"), -ENOENT);
        text = captured();
        assert_null(strstr(text, "hidden"));
        assert_non_null(strstr(text, "info test: seen"));
        assert_non_null(strstr(text, "error test: opening x: No such file or directory"));
        assert_int_equal(log_level_parse("debug", &level), 0);
        assert_int_equal(level, LOG_DEBUG);
        assert_int_equal(log_level_parse("loud", &level), -EINVAL);
}

static void a_huge_message_is_replaced(void **state) {
        _cleanup_free_ char *text = NULL, *huge = mem_alloc(100001);

        (void) state;
        memset(huge, 'x', 100000);
        huge[100000] = 0;
        log_info("%s", huge);
        text = captured();
        assert_non_null(strstr(text, "a message of more than"));
        assert_true(strlen(text) < 200);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(one_line_with_fields, capture_start, capture_end),
                cmocka_unit_test_setup_teardown(levels_filter, capture_start, capture_end),
                cmocka_unit_test_setup_teardown(a_huge_message_is_replaced, capture_start,
                                                capture_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
