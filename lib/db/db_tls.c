#include "lib/db/db_tls.h"

#include <assert.h>
#include <errno.h>

#include "lib/base/errmsg.h"
#include "lib/base/str.h"
#include "lib/db/db_uri.h"

/* The first that the URI gives. */
static const char *any_of(const struct db_uri *u, const char *a, const char *b) {
        const char *value = db_uri_get(u, a);

        return value ? value : db_uri_get(u, b);
}

static bool is_off(const char *value) {
        bool on;

        return value && str_to_bool(value, &on) == 0 && !on;
}

static bool is_on(const char *value) {
        bool on;

        return value && str_to_bool(value, &on) == 0 && on;
}

/* False: the URI asks for less than a check of the authority. */
static bool mode_of_postgres(const struct db_uri *u, struct db_tls *t) {
        const char *mode = db_uri_get(u, "sslmode");

        t->ca = db_uri_get(u, "sslrootcert");
        t->cert = db_uri_get(u, "sslcert");
        t->key = db_uri_get(u, "sslkey");
        t->mode = DB_TLS_VERIFY_FULL;
        if (!mode || str_eq(mode, "verify-full"))
                return true;
        t->mode = DB_TLS_VERIFY_CA;
        return str_eq(mode, "verify-ca") || (str_eq(mode, "require") && t->ca);
}

static bool mode_of_mysql(const struct db_uri *u, struct db_tls *t) {
        const char *mode = any_of(u, "ssl_mode", "ssl-mode");
        const char *identity = any_of(u, "ssl_verify_identity", "ssl_check_hostname");

        t->ca = any_of(u, "ssl_ca", "ssl-ca");
        t->cert = any_of(u, "ssl_cert", "ssl-cert");
        t->key = any_of(u, "ssl_key", "ssl-key");
        t->mode = DB_TLS_VERIFY_FULL;
        if (is_on(db_uri_get(u, "ssl_disabled")) || is_off(db_uri_get(u, "ssl_verify_cert")))
                return false;
        if (is_off(identity) || (mode && str_eq_fold(mode, "VERIFY_CA")))
                t->mode = DB_TLS_VERIFY_CA;
        return !mode || str_eq_fold(mode, "VERIFY_CA") || str_eq_fold(mode, "VERIFY_IDENTITY");
}

int db_tls_decide(const struct db_uri *u, struct errmsg *em, struct db_tls *ret) {
        bool postgres = u->dialect == DB_POSTGRES, verified;
        struct db_tls t = {};

        assert(u->dialect != DB_SQLITE);
        verified = postgres ? mode_of_postgres(u, &t) : mode_of_mysql(u, &t);
        if (db_uri_is_local(u)) {
                if (postgres || (!t.ca && !t.cert))
                        t.mode = DB_TLS_LOCAL;
        } else if (!verified) {
                return errmsg_fail(em, -EACCES,
                                   "the database on %s would be spoken to without a check of its "
                                   "certificate: give its authority as %s and %s, or go through "
                                   "onebox-sqlproxy on 127.0.0.1",
                                   u->host ? u->host : db_uri_get(u, "hostaddr"),
                                   postgres ? "sslrootcert=/FILE.pem" : "ssl_ca=/FILE.pem",
                                   postgres ? "sslmode=verify-full (or verify-ca)"
                                            : "no ssl_disabled or ssl_mode below VERIFY_CA");
        }
        if (!t.ca && t.mode != DB_TLS_LOCAL)
                t.ca = DB_TLS_BUNDLE;
        *ret = t;
        return 0;
}
