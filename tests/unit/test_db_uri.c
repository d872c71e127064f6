#include "lib/db/db_uri.h"

#include <errno.h>

#include "lib/base/mem.h"
#include "tests/unit/db_test_dir.h"

static void test_parts(void **state) {
        static const struct {
                const char *uri;
                enum db_dialect dialect;
                const char *user, *password, *host, *database, *socket;
                int port;
                bool local;
        } rows[] = {
                {"postgresql://u:p@h.example:5433/d", DB_POSTGRES, "u", "p", "h.example", "d", NULL,
                 5433, false},
                {"postgresql+psycopg2://u%40x:a%2Fb%3Ac%25@h/d", DB_POSTGRES, "u@x", "a/b:c%", "h",
                 "d", NULL, 0, false},
                {"postgres://h/d", DB_POSTGRES, NULL, NULL, "h", "d", NULL, 0, false},
                {"postgresql:///d", DB_POSTGRES, NULL, NULL, NULL, "d", NULL, 0, true},
                {"postgresql://u@/d?host=/cloudsql/p:r:i", DB_POSTGRES, "u", NULL, NULL, "d",
                 "/cloudsql/p:r:i", 0, true},
                {"postgresql://u@h/d?hostaddr=10.0.0.1", DB_POSTGRES, "u", NULL, "h", "d", NULL, 0,
                 false},
                {"mysql+pymysql://u:@localhost/d?unix_socket=%2Frun%2Fx.sock", DB_MYSQL, "u", "",
                 "localhost", "d", "/run/x.sock", 0, true},
                {"mysql://u:p/w@127.0.0.1:3307/d?charset=utf8mb4", DB_MYSQL, "u", "p/w",
                 "127.0.0.1", "d", NULL, 3307, true},
                {"mariadb+mariadbconnector://[::1]:1/d", DB_MYSQL, NULL, NULL, "::1", "d", NULL, 1,
                 true},
                {"mysql://[fe80::1]/d", DB_MYSQL, NULL, NULL, "fe80::1", "d", NULL, 0, false},
                {"mysql://127.0.0.1.evil/d", DB_MYSQL, NULL, NULL, "127.0.0.1.evil", "d", NULL, 0,
                 false},
                {"mysql://h", DB_MYSQL, NULL, NULL, "h", NULL, NULL, 0, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct errmsg em = {};
                struct db_uri u;

                assert_ok(em, db_uri_parse(rows[i].uri, &em, &u));
#define SAME(x)                                                                      \
        if ((u.x == NULL) != (rows[i].x == NULL) || (u.x && strcmp(u.x, rows[i].x))) \
        fail_msg("%s: " #x " is %s", rows[i].uri, u.x ? u.x : "NULL")
                SAME(user);
                SAME(password);
                SAME(host);
                SAME(database);
                assert_int_equal(u.dialect, rows[i].dialect);
                assert_int_equal(u.port, rows[i].port);
                assert_int_equal(db_uri_is_local(&u), rows[i].local);
                if (rows[i].socket)
                        assert_string_equal(db_uri_socket(&u), rows[i].socket);
                else
                        assert_null(db_uri_socket(&u));
                db_uri_done(&u);
        }
}

static void test_params(void **state) {
        struct errmsg em = {};
        struct db_uri u;

        assert_ok(em, db_uri_parse("mysql://h/d?a=1&b=x+y%20z&a=2&&c=", &em, &u));
        assert_int_equal(u.n_params, 4);
        assert_string_equal(db_uri_get(&u, "a"), "1");
        assert_string_equal(db_uri_get(&u, "b"), "x y z");
        assert_string_equal(db_uri_get(&u, "c"), "");
        assert_null(db_uri_get(&u, "d"));
        db_uri_done(&u);
}

static void test_refused(void **state) {
        static const struct {
                const char *uri;
                int answer;
        } rows[] = {
                {"sqlite:///x", -EPROTONOSUPPORT},
                {"mssql://u@h/d", -EPROTONOSUPPORT},
                {"postgresqlx://h/d", -EPROTONOSUPPORT},
                {"", -EPROTONOSUPPORT},
                {"postgresql:h", -EINVAL},
                {"mysql://u:geheim%zz@h/d", -EINVAL},
                {"mysql://u:geheim%00@h/d", -EINVAL},
                {"mysql://u:geheim@h:99999/d", -EINVAL},
                {"mysql://u:geheim@h:x/d", -EINVAL},
                {"mysql://u:geheim@[::1/d", -EINVAL},
                {"postgresql://u:geheim@a,b/d", -EINVAL},
                {"mysql://u:geheim@h/d?x", -EINVAL},
                {"mysql://u:geheim@h/d?x=%", -EINVAL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct errmsg em = {};
                struct db_uri u = {.port = 7};

                assert_int_equal(db_uri_parse(rows[i].uri, &em, &u), rows[i].answer);
                assert_int_equal(u.port, 7); /* untouched */
                assert_null(strstr(em.text, "geheim"));
                assert_true(*em.text);
        }
}

static void check_text(char *got, const char *wanted) {
        assert_non_null(got);
        assert_string_equal(got, wanted);
        mem_free(got);
}

static void test_passwords(void **state) {
        check_text(db_uri_redact("mysql://u:geheim@h/d?x=1"), "mysql://u:***@h/d?x=1");
        check_text(db_uri_redact("mysql://u:ge@heim@h/d"), "mysql://u:***@h/d");
        check_text(db_uri_redact("mysql://u@h:1/d"), "mysql://u@h:1/d");
        check_text(db_uri_redact("postgresql:///d?password=geheim&x=1"),
                   "postgresql:///d?password=***&x=1");
        check_text(db_uri_redact("sqlite:////a/b"), "sqlite:////a/b");
        check_text(db_uri_with_password("mysql://u@h/d", "a/b c%"), "mysql://u:a%2Fb%20c%25@h/d");
        check_text(db_uri_with_password("mysql://u:p@h/d", "x"), "mysql://u:p@h/d");
        check_text(db_uri_with_password("mysql://h/d", "x"), "mysql://h/d");
        check_text(db_uri_with_password("sqlite:////a", "x"), "sqlite:////a");
}

static void test_check(void **state) {
        static const struct {
                const char *uri;
                unsigned engines;
                const char *wrong; /* NULL: right */
        } rows[] = {
                {"sqlite:////a.db", DB_URI_ANY, NULL},
                {"postgresql+psycopg2://u@h/d", DB_URI_POSTGRES, NULL},
                {"mysql://u@h/d", DB_URI_POSTGRES | DB_URI_MYSQL, NULL},
                {"mysql://u:geheim@h/d", DB_URI_POSTGRES,
                 "mysql://u:***@h/d is no database that can be used here: use "
                 "postgresql://USER@HOST/DATABASE"},
                {"sqlite:////a.db", DB_URI_POSTGRES | DB_URI_MYSQL, "/DATABASE or mysql://USER@"},
                {"a.db", DB_URI_ANY,
                 "use sqlite:////PATH/OF.db, postgresql://USER@HOST/DATABASE or "
                 "mysql://USER@HOST/DATABASE"},
                {"mysql://u:geheim@h/d?x", DB_URI_ANY, "mysql://u:***@h/d?x: "},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct errmsg em = {};
                int r = db_uri_check(rows[i].uri, rows[i].engines, &em);

                assert_int_equal(r, rows[i].wrong ? -EINVAL : 0);
                assert_true(!rows[i].wrong || strstr(em.text, rows[i].wrong));
        }
}

static void test_password_file(void **state) {
        char file[] = "/tmp/test_db_uri.XXXXXX", *password = NULL;
        int fd = mkstemp(file);
        struct errmsg em = {};

        assert_int_equal(write(fd, "ge heim\r\nrest", 13), 13);
        close(fd);
        assert_int_equal(db_uri_read_password(file, &password, &em), 0);
        check_text(password, "ge heim");
        unlink(file);
        password = NULL;
        assert_int_equal(db_uri_read_password(file, &password, &em), -EINVAL);
        assert_null(password);
        assert_non_null(strstr(em.text, "the database's password cannot be read: No such file"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parts),   cmocka_unit_test(test_params),
                cmocka_unit_test(test_refused), cmocka_unit_test(test_passwords),
                cmocka_unit_test(test_check),   cmocka_unit_test(test_password_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
