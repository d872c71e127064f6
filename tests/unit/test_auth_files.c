/* The files of STATE/auth: who makes them, who only looks. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>
#include <sys/stat.h>

#include "lib/auth/auth_files.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static const char *dir_of(void **state) {
        const struct test_dir *t = *state;

        return t->path;
}

static struct paths paths_of(const char *dir) {
        struct errmsg em;
        struct paths p = {};

        assert_int_equal(paths_init(&p, dir, dir, "/none", &em), 0);
        return p;
}

static int open_in(const char *dir, const char *daemon, struct auth_files *ret, struct errmsg *em) {
        _cleanup_(paths_done) struct paths p = paths_of(dir);

        return auth_files_open(&p, daemon, clock_system(), entropy_system(), em, ret);
}

static void look_in(const char *dir, struct auth_files *ret) {
        _cleanup_(paths_done) struct paths p = paths_of(dir);

        auth_files_open_existing(&p, clock_system(), entropy_system(), ret);
}

static bool is_there(const char *dir, const char *name) {
        _cleanup_free_ char *path = str_printf("%s/auth/%s", dir, name);
        struct stat st;

        assert_non_null(path);
        return stat(path, &st) == 0;
}

static void the_first_makes_them(void **state) {
        const char *dir = dir_of(state);
        struct auth_files f = {}, again = {};
        struct errmsg em;

        assert_int_equal(open_in(dir, "web", &f, &em), 0);
        assert_non_null(f.store);
        assert_non_null(f.key);
        assert_non_null(f.audit);
        assert_true(is_there(dir, "auth.db"));
        assert_true(is_there(dir, "token.key"));
        assert_true(is_there(dir, "audit-web.log"));
        assert_int_equal(open_in(dir, NULL, &again, &em), 0);
        assert_null(again.audit);
        auth_files_done(&f);
        auth_files_done(&again);
        assert_null(f.store);
}

static void looking_makes_nothing(void **state) {
        const char *dir = dir_of(state);
        struct auth_files f = {};
        struct errmsg em;

        look_in(dir, &f);
        assert_null(f.key);
        assert_false(is_there(dir, "token.key"));
        assert_false(is_there(dir, "auth.db"));
        auth_files_done(&f);
        assert_int_equal(open_in(dir, NULL, &f, &em), 0);
        auth_files_done(&f);
        look_in(dir, &f);
        assert_non_null(f.key);
        assert_non_null(f.store);
        auth_files_done(&f);
}

static void a_file_in_the_way_is_named(void **state) {
        _cleanup_free_ char *path = str_printf("%s/auth", dir_of(state));
        struct auth_files f = {};
        struct errmsg em;

        assert_int_equal(fileio_write_atomic(path, "", 0, 0600), 0);
        assert_int_equal(open_in(dir_of(state), "web", &f, &em), -ENOTDIR);
        assert_non_null(strstr(em.text, "/auth"));
        assert_null(f.store);
        auth_files_done(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_DIR(the_first_makes_them),
                IN_DIR(looking_makes_nothing),
                IN_DIR(a_file_in_the_way_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
