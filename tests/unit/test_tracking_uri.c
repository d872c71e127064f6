#include "daemons/tracking/tracking_uri.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemons/tracking/tracking_conf.h"
#include "lib/base/fileio.h"
#include "lib/base/mem.h"
#include "tests/unit/tracking_test.h"

static void forget(void) {
        static const char *const names[] = {
                "MLFLOW_BACKEND_STORE_URI", "MLFLOW_DB_HOST", "MLFLOW_DB_USER",
                "MLFLOW_DB_PORT",           "MLFLOW_DB_NAME", "MLFLOW_DB_PASSWORD",
                "CREDENTIALS_DIRECTORY",
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                unsetenv(names[i]);
}

/* The URI made from a flag and a file with a password; or the answer. */
static void check(const char *flag, const char *file, const char *wanted) {
        struct tracking_conf conf = {.backend_store_uri = mem_strdup(flag),
                                     .backend_store_password_file = mem_strdup(file)};
        struct errmsg em = {};
        int r = tracking_uri_complete(&conf, "sqlite:////x", &em);

        if (r < 0)
                fail_msg("%s", em.text);
        assert_string_equal(conf.backend_store_uri, wanted);
        mem_free(conf.backend_store_uri);
        mem_free(conf.backend_store_password_file);
}

static void test_sources(void **state) {
        forget();
        check(NULL, NULL, "sqlite:////x");
        setenv("MLFLOW_DB_HOST", "db.example", 1);
        check(NULL, NULL, "mysql://@db.example/mlflow");
        setenv("MLFLOW_DB_USER", "ml@flow", 1);
        setenv("MLFLOW_DB_PASSWORD", "a/b:c", 1);
        setenv("MLFLOW_DB_PORT", "5432", 1);
        setenv("MLFLOW_DB_NAME", "d", 1);
        check(NULL, NULL, "postgresql://ml%40flow:a%2Fb%3Ac@db.example:5432/d");
        setenv("MLFLOW_BACKEND_STORE_URI", "sqlite:////y", 1);
        check(NULL, NULL, "sqlite:////y");
        check("mysql://u@h/d", NULL, "mysql://u@h/d");
        forget();
}

static void test_password(void **state) {
        char dir[] = "/tmp/onebox-uri-XXXXXX", path[64];

        forget();
        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof(path), "%s/db_password", dir);
        assert_int_equal(fileio_write_atomic(path, "s/c ret\n", 8, 0600), 0);
        check("mysql://u@h/d", path, "mysql://u:s%2Fc%20ret@h/d");
        check("mysql://u:own@h/d", path, "mysql://u:own@h/d");
        check("sqlite:////z", path, "sqlite:////z");
        setenv("CREDENTIALS_DIRECTORY", dir, 1);
        check("postgresql://u@h/d", NULL, "postgresql://u:s%2Fc%20ret@h/d");
        setenv("CREDENTIALS_DIRECTORY", "/nowhere", 1);
        check("postgresql://u@h/d", NULL, "postgresql://u@h/d");
        forget();
        assert_int_equal(fileio_rm_rf(dir), 0);
}

static void test_refused(void **state) {
        struct tracking_conf conf = {.backend_store_uri = mem_strdup("mssql://u:geheim@h/d")};
        struct errmsg em = {};

        forget();
        assert_int_equal(tracking_uri_complete(&conf, "sqlite:////x", &em), -EINVAL);
        assert_null(strstr(em.text, "geheim"));
        mem_free(conf.backend_store_uri);
        conf.backend_store_uri = mem_strdup("mysql://u@h/d");
        conf.backend_store_password_file = mem_strdup("/nowhere/at/all");
        /* the configuration's: no other start would find it (options_exit_status) */
        assert_int_equal(tracking_uri_complete(&conf, "sqlite:////x", &em), -EINVAL);
        assert_non_null(strstr(em.text, "/nowhere/at/all: the database's password cannot be read"));
        mem_free(conf.backend_store_uri);
        mem_free(conf.backend_store_password_file);
}

static void test_hide(void **state) {
        char a[] = "prog", b[] = "--backend-store-uri=mysql://u:pass@h:1/d",
             c[] = "mysql://u@h:1/d", d[] = "postgresql://u:p@ss@h/d", e[] = "--port=5";
        char *argv[] = {a, b, c, d, e};

        tracking_uri_hide(5, argv);
        assert_string_equal(b, "--backend-store-uri=mysql://u:****@h:1/d");
        assert_string_equal(c, "mysql://u@h:1/d");
        assert_string_equal(d, "postgresql://u:****@h/d");
        assert_string_equal(e, "--port=5");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sources),
                cmocka_unit_test(test_password),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_hide),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
