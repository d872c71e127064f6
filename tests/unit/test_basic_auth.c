#include "daemons/tracking/basic_auth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/auth/auth_store.h"
#include "lib/base/clock.h"
#include "lib/base/entropy.h"
#include "lib/base/fileio.h"
#include "tests/unit/tracking_test.h"

static char dir[] = "/tmp/test_basic_auth-XXXXXX";

static void forget(void) {
        unsetenv("MLFLOW_AUTH_CONFIG_PATH");
        unsetenv("MLFLOW_AUTH_ADMIN_USERNAME");
        unsetenv("MLFLOW_AUTH_ADMIN_PASSWORD");
}

static void forget_file(const char *name) {
        char path[256];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        unlink(path);
}

static int read_file(struct arena *a, const char *text, struct basic_auth *ret, struct errmsg *em) {
        const char *path = arena_printf(a, "%s/basic_auth.ini", dir);

        assert_int_equal(fileio_write_atomic(path, text, strlen(text), 0600), 0);
        setenv("MLFLOW_AUTH_CONFIG_PATH", path, 1);
        *ret = (struct basic_auth){};
        return basic_auth_read(ret, em);
}

static void test_read(void **state) {
        struct arena *a = &((struct tracking_test *) *state)->arena;
        struct basic_auth b = {};
        struct errmsg em = {};

        forget();
        assert_int_equal(basic_auth_read(&b, &em), 0);
        assert_string_equal(b.admin_username, "admin");
        assert_null(b.admin_password);
        basic_auth_done(&b);

        assert_int_equal(read_file(a,
                                   "[mlflow]\ndefault_permission = NO_PERMISSIONS\n"
                                   "database_uri = sqlite:///basic_auth.db\n"
                                   "admin_username = root\nadmin_password = long enough\n"
                                   "authorization_function = "
                                   "mlflow.server.auth:authenticate_request_basic_auth\n"
                                   "grant_default_workspace_access = false\n",
                                   &b, &em),
                         0);
        assert_string_equal(b.default_permission, "NO_PERMISSIONS");
        assert_string_equal(b.admin_username, "root");
        assert_string_equal(b.admin_password, "long enough");
        basic_auth_done(&b);

        setenv("MLFLOW_AUTH_ADMIN_USERNAME", "boss", 1);
        setenv("MLFLOW_AUTH_ADMIN_PASSWORD", "", 1);
        assert_int_equal(read_file(a, "[mlflow]\nadmin_password = old\n", &b, &em), 0);
        assert_string_equal(b.admin_username, "boss");
        assert_string_equal(b.admin_password, "");
        basic_auth_done(&b);
        forget();
}

static void test_refused(void **state) {
        struct arena *a = &((struct tracking_test *) *state)->arena;
        struct basic_auth b = {};
        struct errmsg em = {};

        forget();
        setenv("MLFLOW_AUTH_CONFIG_PATH", "/nowhere/basic_auth.ini", 1);
        assert_int_equal(basic_auth_read(&b, &em), -ENOENT);
        assert_non_null(strstr(em.text, "/nowhere/basic_auth.ini"));
        basic_auth_done(&b);
        assert_int_equal(read_file(a, "[mlflow]\nauthorization_function = mine:jwt\n", &b, &em),
                         -EINVAL);
        assert_non_null(strstr(em.text, "mine:jwt"));
        basic_auth_done(&b);
        assert_int_equal(read_file(a, "[mlflow]\nnonsense = 1\n", &b, &em), -EINVAL);
        basic_auth_done(&b);
        forget();
}

static int make(struct auth_store *s, const char *name, const char *password, struct errmsg *em) {
        const struct basic_auth b = {.admin_username = (char *) name,
                                     .admin_password = (char *) password};

        *em = (struct errmsg){};
        return basic_auth_make_admin(&b, s, NULL, em);
}

static void test_make(void **state) {
        struct tracking_test *t = *state;
        const char *path = arena_printf(&t->arena, "%s/auth.db", dir);
        struct auth_store_user u;
        struct auth_store *s;
        struct errmsg em = {};

        assert_int_equal(
                auth_store_open(path, AUTH_STORE_CREATE, clock_system(), entropy_system(), &em, &s),
                0);
        assert_int_equal(make(s, "admin", NULL, &em), 0);
        assert_int_equal(make(s, "admin", "", &em), 0);
        assert_int_equal(auth_store_user_get(s, "admin", &t->arena, &u), AUTH_STORE_ABSENT);
        assert_int_equal(make(s, "admin", "password1234", &em), -EINVAL);
        assert_non_null(strstr(em.text, "everybody knows"));
        assert_int_equal(make(s, "", "long enough", &em), -EINVAL);
        assert_non_null(strstr(em.text, "no name"));
        assert_int_equal(make(s, "admin", "short", &em), -EINVAL);
        assert_non_null(strstr(em.text, "cannot be made"));
        assert_int_equal(make(s, "admin", "long enough", &em), 0);
        assert_int_equal(auth_store_user_check(s, "admin", "long enough", &t->arena, &u), 0);
        assert_int_equal(u.role, AUTH_ADMIN);
        assert_int_equal(make(s, "admin", "another one", &em), 0);
        assert_int_equal(auth_store_user_check(s, "admin", "long enough", &t->arena, &u), 0);
        auth_store_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_test(test_read),
                tracking_test(test_refused),
                tracking_test(test_make),
        };
        int r;

        if (!mkdtemp(dir))
                return 1;
        r = cmocka_run_group_tests(tests, NULL, NULL);
        forget_file("basic_auth.ini");
        forget_file("auth.db");
        rmdir(dir);
        return r;
}
