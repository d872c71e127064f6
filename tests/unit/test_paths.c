#include "tests/unit/base_test.h"

#include "lib/base/mem.h"
#include "lib/base/paths.h"
#include "lib/base/str.h"

static int clean_environment(void **state) {
        (void) state;
        unsetenv("ONEBOX_STATE_DIR");
        unsetenv("ONEBOX_RUNTIME_DIR");
        unsetenv("ONEBOX_CONFIG");
        unsetenv("ONEBOX_LIBEXEC_DIR");
        unsetenv("ONEBOX_DATA_DIR");
        return 0;
}

static void order_of_strength(void **state) {
        _cleanup_(paths_done) struct paths p = {}, q = {}, r = {};

        (void) state;
        assert_int_equal(paths_init(&p, NULL, NULL, NULL, NULL), 0);
        assert_string_equal(p.state_dir, "/var/lib/onebox");
        assert_string_equal(p.runtime_dir, "/run/onebox");
        assert_string_equal(p.config, "/etc/onebox/onebox.conf");
        setenv("ONEBOX_STATE_DIR", "/tmp/env//", 1);
        assert_int_equal(paths_init(&q, NULL, NULL, NULL, NULL), 0);
        assert_string_equal(q.state_dir, "/tmp/env");
        assert_int_equal(paths_init(&r, "/given", NULL, NULL, NULL), 0);
        assert_string_equal(r.state_dir, "/given");
}

static void relative_becomes_absolute(void **state) {
        _cleanup_(paths_done) struct paths p = {};
        _cleanup_free_ char *cwd = getcwd(NULL, 0), *want = str_printf("%s/here", cwd),
                            *file = NULL, *sock = NULL;
        struct errmsg em;

        (void) state;
        assert_int_equal(paths_init(&p, "here", "/run/x", NULL, NULL), 0);
        assert_string_equal(p.state_dir, want);
        sock = paths_runtime(&p, "%s.sock", "web");
        assert_string_equal(sock, "/run/x/web.sock");
        file = paths_state(&p, "tasks/%d", 5);
        assert_true(str_ends(file, "/here/tasks/5"));
        paths_done(&p);
        assert_int_equal(paths_init(&p, "", NULL, NULL, &em), -EINVAL);
        assert_says(em, "empty path");
}

static void daemons_are_found(void **state) {
        _cleanup_(paths_done) struct paths p = {};
        _cleanup_free_ char *built = str_printf("%s/daemons/web/onebox-web", (char *) *state),
                            *installed = str_printf("%s/onebox-web", (char *) *state),
                            *found = NULL, *again = NULL;
        struct errmsg em;

        setenv("ONEBOX_LIBEXEC_DIR", *state, 1);
        assert_int_equal(paths_init(&p, NULL, NULL, NULL, NULL), 0);
        assert_int_equal(paths_daemon(&p, "web", &found, &em), -ENOENT);
        assert_says(em, "onebox-web");
        assert_int_equal(fileio_mkdir_parents(built, 0755), 0);
        assert_int_equal(fileio_write_atomic(built, "", 0, 0755), 0);
        assert_int_equal(paths_daemon(&p, "web", &found, &em), 0);
        assert_string_equal(found, built);
        assert_int_equal(fileio_write_atomic(installed, "", 0, 0755), 0);
        assert_int_equal(paths_daemon(&p, "web", &again, &em), 0);
        assert_string_equal(again, installed);
        unsetenv("ONEBOX_LIBEXEC_DIR");
}

static void safe_and_unsafe(void **state) {
        static const char *const good[] = {"a", "a/b", "a.b/..c", "...", "-", "a b/\xc3\xa9"};
        static const char *const bad[] = {"",     "/",    "/a",    "a/",     "a//b", ".",  "..",
                                          "a/..", "../a", "a/./b", "a/../b", "a\\b", "\\", "./a"};

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                assert_true(paths_is_safe_relative(good[i]));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_false(paths_is_safe_relative(bad[i]));
        assert_false(paths_is_safe_relative(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(order_of_strength, clean_environment,
                                                clean_environment),
                cmocka_unit_test_setup(relative_becomes_absolute, clean_environment),
                dir_test(daemons_are_found),
                cmocka_unit_test(safe_and_unsafe),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
