/* Streams and forms of the log. */
#include "tests/unit/base_test.h"

#include <fcntl.h>

#include "daemons/sqlproxy/proxy_log.h"

/* What fn says on fd. */
static char *said(int fd, const char *dir, const struct proxy_log_options *o, void (*fn)(void)) {
        char path[200], *text;
        int kept = dup(fd), file;

        snprintf(path, sizeof path, "%s/out", dir);
        file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(dup2(file, fd) == fd);
        proxy_log_init(o);
        fn();
        assert_true(dup2(kept, fd) == fd);
        close(kept);
        close(file);
        assert_int_equal(fileio_read(path, 1 << 20, &text, NULL), 0);
        return text;
}

static void say_all(void) {
        proxy_log_info("an %s", "info");
        proxy_log_debug("a debug");
        proxy_log_error("an \"error\"");
}

static void test_plain(void **state) {
        char *out = said(1, *state, &(struct proxy_log_options){.debug = true}, say_all), *err;

        assert_non_null(strstr(out, " an info\n"));
        assert_non_null(strstr(out, " a debug\n"));
        assert_null(strstr(out, "error"));
        assert_int_equal(out[4], '/');
        assert_int_equal(out[13], ':');
        free(out);
        err = said(2, *state, &(struct proxy_log_options){}, say_all);
        assert_non_null(strstr(err, " an \"error\"\n"));
        assert_null(strstr(err, "info"));
        free(err);
}

static void test_quiet_and_structured(void **state) {
        char *out =
                said(1, *state, &(struct proxy_log_options){.quiet = true, .debug = true}, say_all);
        char *err;

        assert_string_equal(out, "");
        free(out);
        out = said(1, *state, &(struct proxy_log_options){.structured = true}, say_all);
        assert_non_null(strstr(out, "\",\"severity\":\"INFO\",\"message\":\"an info\"}\n"));
        assert_true(strncmp(out, "{\"timestamp\":\"20", 16) == 0);
        assert_null(strstr(out, "debug"));
        free(out);
        err = said(2, *state, &(struct proxy_log_options){.structured = true}, say_all);
        assert_non_null(strstr(err, "\"severity\":\"ERROR\",\"message\":\"an \\\"error\\\"\"}\n"));
        free(err);
}

static void say_much(void) {
        for (int i = 0; i < 100000; i++)
                proxy_log_error("again");
}

static void test_a_flood_is_dammed(void **state) {
        char *err = said(2, *state, &(struct proxy_log_options){}, say_much);

        assert_true(strlen(err) < 100000);
        free(err);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                dir_test(test_plain),
                dir_test(test_quiet_and_structured),
                dir_test(test_a_flood_is_dammed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
