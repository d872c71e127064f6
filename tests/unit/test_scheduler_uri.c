#include "tests/unit/base_test.h"

#include <stdlib.h>
#include <unistd.h>

#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/scheduler_uri.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static char *make(char *database, char *file) {
        struct scheduler_conf conf = {.database = database, .database_password_file = file};
        struct paths paths = {.state_dir = "/state"};
        struct errmsg em;
        char *uri = NULL;

        assert_int_equal(scheduler_uri_make(&conf, &paths, &uri, &em), 0);
        return uri;
}

static void without_a_word_it_is_a_file(void **state) {
        _cleanup_free_ char *uri = make(NULL, NULL);

        assert_string_equal(uri, "sqlite:////state/scheduler/scheduler.db");
        (void) state;
}

static void a_server_is_asked_to_notice_who_is_gone(void **state) {
        _cleanup_free_ char *plain = make("postgresql://a@h/d", NULL);
        _cleanup_free_ char *more = make("postgresql://a@h/d?port=7", NULL);
        _cleanup_free_ char *own = make("postgresql://a@h/d?options=-c%20x%3D1", NULL);

        assert_true(str_starts(plain, "postgresql://a@h/d?options="));
        assert_non_null(strstr(plain, "tcp_user_timeout%3D10000"));
        assert_true(str_starts(more, "postgresql://a@h/d?port=7&options="));
        assert_string_equal(own, "postgresql://a@h/d?options=-c%20x%3D1");
        (void) state;
}

static void the_password_comes_from_a_file(void **state) {
        char file[] = "/tmp/test_scheduler_uri.XXXXXX";
        int fd = mkstemp(file);
        char *uri;

        assert_int_equal(write(fd, "s&cret\n", 7), 7);
        close(fd);
        uri = make("postgresql://a@h/d?options=x", file);
        assert_string_equal(uri, "postgresql://a:s%26cret@h/d?options=x");
        mem_free(uri);
        unlink(file);
        (void) state;
}

static void what_cannot_be_is_refused(void **state) {
        struct scheduler_conf conf = {.database = "mysql://a@h/d"};
        struct paths paths = {.state_dir = "/state"};
        struct errmsg em;
        char *uri = NULL;

        assert_int_equal(scheduler_uri_make(&conf, &paths, &uri, &em), -EINVAL);
        assert_says(em, "postgresql://");
        conf = (struct scheduler_conf){.database = "postgresql://a@h/d",
                                       .database_password_file = "/nonexistent/file"};
        assert_int_equal(scheduler_uri_make(&conf, &paths, &uri, &em), -EINVAL);
        assert_says(em, "/nonexistent/file");
        assert_null(uri);
        (void) state;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_a_word_it_is_a_file),
                cmocka_unit_test(a_server_is_asked_to_notice_who_is_gone),
                cmocka_unit_test(the_password_comes_from_a_file),
                cmocka_unit_test(what_cannot_be_is_refused),
        };

        return cmocka_run_group_tests_name("scheduler_uri", tests, NULL, NULL);
}
