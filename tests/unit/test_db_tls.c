#include "lib/db/db_tls.h"

#include <errno.h>

#include "lib/base/str.h"
#include "lib/db/db_uri.h"
#include "tests/unit/db_test_dir.h"

static void test_decisions(void **state) {
        static const struct {
                const char *uri;
                int answer; /* a mode, or -errno */
                const char *ca;
        } rows[] = {
                /* nobody else listens there */
                {"postgresql:///d", DB_TLS_LOCAL, NULL},
                {"postgresql://127.0.0.1/d?sslmode=disable", DB_TLS_LOCAL, NULL},
                {"mysql://localhost/d", DB_TLS_LOCAL, NULL},
                {"mysql://localhost/d?ssl_ca=/c", DB_TLS_VERIFY_FULL, "/c"},
                {"mysql://10.0.0.1/d?unix_socket=/s", DB_TLS_LOCAL, NULL},
                /* somebody may */
                {"postgresql://h/d", DB_TLS_VERIFY_FULL, DB_TLS_BUNDLE},
                {"postgresql://h/d?sslmode=verify-full&sslrootcert=/c", DB_TLS_VERIFY_FULL, "/c"},
                {"postgresql://h/d?sslmode=verify-ca&sslrootcert=/c", DB_TLS_VERIFY_CA, "/c"},
                {"postgresql://h/d?sslmode=require&sslrootcert=/c", DB_TLS_VERIFY_CA, "/c"},
                {"postgresql://h/d?sslmode=require", -EACCES, NULL},
                {"postgresql://h/d?sslmode=prefer&sslrootcert=/c", -EACCES, NULL},
                {"postgresql://h/d?sslmode=disable", -EACCES, NULL},
                {"postgresql://localhost/d?hostaddr=10.0.0.1&sslmode=disable", -EACCES, NULL},
                {"mysql://h/d", DB_TLS_VERIFY_FULL, DB_TLS_BUNDLE},
                {"mysql://h/d?ssl_ca=/c", DB_TLS_VERIFY_FULL, "/c"},
                {"mysql://h/d?ssl_ca=/c&ssl_verify_identity=false", DB_TLS_VERIFY_CA, "/c"},
                {"mysql://h/d?ssl_ca=/c&ssl_mode=VERIFY_CA", DB_TLS_VERIFY_CA, "/c"},
                {"mysql://h/d?ssl_mode=REQUIRED", -EACCES, NULL},
                {"mysql://h/d?ssl_disabled=true", -EACCES, NULL},
                {"mysql://h/d?ssl_ca=/c&ssl_verify_cert=false", -EACCES, NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct db_tls tls = {.mode = 77};
                struct errmsg em = {};
                struct db_uri u;
                int r;

                assert_ok(em, db_uri_parse(rows[i].uri, &em, &u));
                r = db_tls_decide(&u, &em, &tls);
                if ((r < 0 ? r : (int) tls.mode) != rows[i].answer ||
                    (r >= 0 && !str_eq(tls.ca, rows[i].ca)))
                        fail_msg("%s: %d, mode %d, ca %s", rows[i].uri, r, (int) tls.mode,
                                 tls.ca ? tls.ca : "-");
                if (r < 0)
                        assert_non_null(strstr(em.text, "onebox-sqlproxy"));
                db_uri_done(&u);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_decisions)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
