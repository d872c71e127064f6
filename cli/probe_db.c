/* probe_db: logs in to a database and asks it for 1. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/probe.h"
#include "lib/base/buf.h"
#include "lib/base/json.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/db/db.h"
#include "lib/db/db_uri.h"

/* Encoded: no part can change another one. */
static void add(struct buf *out, const char *before, const char *text) {
        char *encoded = text ? db_uri_encode(text) : NULL;

        if (!text)
                return;
        (void) buf_add_str(out, before);
        (void) buf_add_str(out, encoded ? encoded : "");
        if (!encoded)
                out->error = -ENOMEM;
        else
                mem_free_secret(encoded, strlen(encoded));
}

static void add_host(struct buf *out, const struct probe *p) {
        if (p->host && strchr(p->host, ':') && *p->host != '[')
                (void) buf_printf(out, "[%s]", p->host);
        else if (p->host && *p->host != '/')
                (void) buf_add_str(out, p->host);
        else
                (void) buf_add_str(out, "localhost");
        (void) buf_printf(out, ":%d/%s", p->port, p->schema ? p->schema : "");
}

static void begin_uri(struct buf *out, const struct probe *p, const char *scheme) {
        (void) buf_printf(out, "%s://", scheme);
        add(out, "", p->login);
        add(out, ":", p->password);
        if (p->login || p->password)
                (void) buf_add_str(out, "@");
        add_host(out, p);
}

static int ask(struct probe *p, struct db *db) {
        struct db_stmt *s;
        int r;

        db_set_budget(db, PROBE_FOR);
        r = db_prepare_dynamic(db, "SELECT 1", &s);
        if (r >= 0) {
                r = db_step(s);
                db_reset(s);
        }
        if (r < 0)
                return errmsg_fail(&p->em, r, "%s let us in and does not answer: %s", p->name,
                                   db_errmsg(db));
        errmsg_set(&p->em, "Connection successfully tested");
        return 0;
}

static int open_and_ask(struct probe *p, struct buf *uri) {
        _cleanup_(db_freep) struct db *db = NULL;
        int r = buf_error(uri);

        if (r >= 0)
                r = db_open(buf_cstr(uri), DB_READ_ONLY, &p->em, &db);
        if (uri->data)
                explicit_bzero(uri->data, uri->len);
        buf_done(uri);
        return r < 0 ? r : ask(p, db);
}

int probe_db_postgres(struct probe *p) {
        static const char *const names[] = {"sslmode", "sslrootcert", "sslcert", "sslkey"};
        struct buf uri = {};
        const char *sep = "?";

        begin_uri(&uri, p, "postgresql");
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (probe_extra(p, names[i])) {
                        (void) buf_printf(&uri, "%s%s", sep, names[i]);
                        add(&uri, "=", probe_extra(p, names[i]));
                        sep = "&";
                }
        if (p->host && *p->host == '/') {
                (void) buf_add_str(&uri, sep);
                add(&uri, "host=", p->host);
        }
        return open_and_ask(p, &uri);
}

/* {"ssl": {"ca": …, "cert": …, "key": …}}, the object as it is or as text. */
static const struct json *tls_of(const struct probe *p) {
        const struct json *v = json_get(p->extra, "ssl");
        struct json *j = NULL;
        const char *text;

        if (json_str(v, &text) != 0)
                return v;
        return json_parse_copy(p->a, text, strlen(text), &j, NULL) >= 0 ? j : NULL;
}

int probe_db_mysql(struct probe *p) {
        static const char *const names[][2] = {
                {"ca", "ssl_ca"}, {"cert", "ssl_cert"}, {"key", "ssl_key"}};
        const char *mode = probe_extra(p, "ssl_mode"), *socket = probe_extra(p, "unix_socket");
        const struct json *tls = tls_of(p);
        struct buf uri = {};
        const char *sep = "?";

        begin_uri(&uri, p, "mysql");
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const char *value = NULL;

                (void) json_want_str(tls, names[i][0], &value, NULL);
                if (!value)
                        continue;
                (void) buf_printf(&uri, "%s%s", sep, names[i][1]);
                add(&uri, "=", value);
                sep = "&";
        }
        if (mode && !str_eq_fold(mode, "PREFERRED")) {
                (void) buf_add_str(&uri, sep);
                add(&uri, "ssl_mode=", mode);
                sep = "&";
        }
        if (socket) {
                (void) buf_add_str(&uri, sep);
                add(&uri, "unix_socket=", socket);
        }
        return open_and_ask(p, &uri);
}

int probe_db_sqlite(struct probe *p) {
        struct buf uri = {};

        if (!p->host)
                return errmsg_fail(&p->em, -EINVAL,
                                   "the connection has no host: give the path of its file there");
        (void) buf_printf(&uri, "sqlite:///%s", p->host);
        return open_and_ask(p, &uri);
}
