/* db_uri.h: where a database is, in the form that SQLAlchemy and MLflow write it:
 *
 *      postgresql[+psycopg2]://user:password@host:5432/database?sslmode=verify-ca&sslrootcert=/ca.pem
 *      mysql[+pymysql]://user:password@host:3306/database?unix_socket=/run/mysqld/mysqld.sock
 *
 * What follows the + is a Python module and says nothing here. User, password and values are
 * %-decoded, host and database are taken as they stand. A password is a secret: it is never part of
 * a message, see db_uri_redact().
 */
#pragma once

#include "lib/base/macros.h"
#include "lib/db/db.h"

enum { DB_URI_PARAMS_MAX = 24 };

struct db_uri_param {
        const char *name, *value;
};

struct db_uri {
        enum db_dialect dialect;                       /* DB_POSTGRES or DB_MYSQL */
        const char *user, *password, *host, *database; /* NULL: not given; host without brackets */
        int port;                                      /* 0: not given */
        struct db_uri_param params[DB_URI_PARAMS_MAX];
        size_t n_params;
        char *text; /* all of the above stand in it */
        size_t n_text;
};

/* 0; -EPROTONOSUPPORT: another scheme; -EINVAL: `em` says what is wrong with it. */
int db_uri_parse(const char *uri, struct errmsg *em, struct db_uri *ret);
void db_uri_done(struct db_uri *u);

/* The value of the first parameter of that name, or NULL. */
const char *db_uri_get(const struct db_uri *u, const char *name);

/* The directory or file of its Unix socket, from the host or the parameters; NULL: TCP. */
const char *db_uri_socket(const struct db_uri *u);

/* Whether nobody between us and the server can listen: a Unix socket or the loopback. */
bool db_uri_is_local(const struct db_uri *u);

/* Does the text name a scheme, followed by : or +? */
bool db_uri_is(const char *uri, const char *scheme);

/* Which engines a database may be on. */
enum { DB_URI_SQLITE = 1, DB_URI_POSTGRES = 2, DB_URI_MYSQL = 4, DB_URI_ANY = 7 };

/* 0: names a database on one of `engines`, and what it says of a server parses. Else -EINVAL and em
 * says what is wrong and what would be right, without a password. */
int db_uri_check(const char *uri, unsigned engines, struct errmsg *em);

/* A copy whose password is *** (any text is taken). On the heap; NULL when out of memory. */
char *db_uri_redact(const char *uri);

/* A copy with all but letters and digits as %XX. On the heap; NULL when out of memory. */
char *db_uri_encode(const char *text);

/* The first line of the file, on the heap: mem_free_secret() it. -EINVAL: there is no such file, or
 * it may not be read, and em says so; -ENOMEM. */
int db_uri_read_password(const char *path, char **ret, struct errmsg *em);

/* A copy with `password` (encoded) when `uri` names a server and has none. On the heap. */
char *db_uri_with_password(const char *uri, const char *password);
