#include "lib/db/db_uri.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/hex.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define PASSWORD_MAX 4096

bool db_uri_is(const char *uri, const char *scheme) {
        const char *rest = str_after(uri, scheme);

        return rest && (*rest == ':' || *rest == '+');
}

static bool dialect_of(const char *uri, enum db_dialect *ret) {
        static const struct {
                const char *scheme;
                enum db_dialect dialect;
        } rows[] = {
                {"postgresql", DB_POSTGRES},
                {"postgres", DB_POSTGRES},
                {"mysql", DB_MYSQL},
                {"mariadb", DB_MYSQL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (db_uri_is(uri, rows[i].scheme)) {
                        *ret = rows[i].dialect;
                        return true;
                }
        return false;
}

/* In place. False: a NUL or a broken % stands in it. `plus`: + is a blank, as in queries. */
static bool decode(char *text, bool plus) {
        char *to = text;

        for (; *text; text++) {
                if (*text == '%') {
                        int high = hex_digit(text[1]), low = high < 0 ? -1 : hex_digit(text[2]);

                        if (low < 0 || high * 16 + low == 0)
                                return false;
                        *to++ = (char) (high * 16 + low);
                        text += 2;
                } else {
                        *to++ = plus && *text == '+' ? ' ' : *text;
                }
        }
        *to = '\0';
        return true;
}

static bool parse_query(char *query, struct db_uri *u) {
        char *pair, *value;

        while ((pair = strsep(&query, "&"))) {
                if (!*pair)
                        continue;
                if (u->n_params == DB_URI_PARAMS_MAX)
                        return false;
                value = strchr(pair, '=');
                if (!value)
                        return false;
                *value++ = '\0';
                if (!*pair || !decode(pair, true) || !decode(value, true))
                        return false;
                u->params[u->n_params++] = (struct db_uri_param){pair, value};
        }
        return true;
}

static const char *given(const char *text) {
        return str_empty(text) ? NULL : text;
}

/* host, host:port, [v6], [v6]:port */
static bool parse_host(char *host, struct db_uri *u) {
        char *port;

        if (*host == '[') {
                char *end = strchr(host, ']');

                if (!end || (end[1] && end[1] != ':'))
                        return false;
                port = end[1] ? end + 1 : NULL;
                *end = '\0';
                host++;
        } else {
                port = strchr(host, ':');
        }
        if (port)
                *port++ = '\0';
        if (!str_empty(port) && (str_to_int(port, &u->port) < 0 || u->port < 1 || u->port > 65535))
                return false;
        u->host = given(host);
        return !strpbrk(host, ",[] ");
}

/* user, user:password */
static bool parse_user(char *user, struct db_uri *u) {
        char *password = strchr(user, ':');

        if (password) {
                *password++ = '\0';
                if (!decode(password, false))
                        return false;
        }
        u->password = password;
        u->user = given(user);
        return decode(user, false);
}

/* Behind "scheme://"; NULL or what is wrong. */
static const char *parse_rest(char *rest, struct db_uri *u) {
        char *query = strchr(rest, '?'), *database, *at;

        if (query) {
                *query++ = '\0';
                if (!parse_query(query, u))
                        return "its parameters are not name=value with & between them";
        }
        /* A password may hold a slash, as SQLAlchemy takes it; the database begins behind the @. */
        at = strchr(rest, '@');
        database = strchr(at ? at : rest, '/');
        if (database)
                *database++ = '\0';
        u->database = given(database);
        if (at)
                *at++ = '\0';
        if (at && !parse_user(rest, u))
                return "its user or password has a % that is no %XX: write a % as %25";
        if (!parse_host(at ? at : rest, u))
                return "its host or port is none: write an @ in a password as %40, one host only";
        return NULL;
}

int db_uri_parse(const char *uri, struct errmsg *em, struct db_uri *ret) {
        struct db_uri u = {};
        const char *wrong;
        char *rest;

        assert(uri && ret);
        if (!dialect_of(uri, &u.dialect))
                return errmsg_fail(em, -EPROTONOSUPPORT,
                                   "a database is named postgresql://user@host/database, "
                                   "mysql://user@host/database or sqlite:////absolute/path");
        u.n_text = strlen(uri);
        u.text = mem_strdup(uri);
        if (!u.text)
                return -ENOMEM;
        rest = strstr(u.text, "://");
        wrong = rest ? parse_rest(rest + 3, &u) : "it lacks the //";
        if (wrong) {
                _cleanup_free_ char *shown = db_uri_redact(uri);

                db_uri_done(&u);
                return errmsg_fail(em, -EINVAL, "%s: %s", shown ? shown : "the database's URI",
                                   wrong);
        }
        *ret = u;
        return 0;
}

void db_uri_done(struct db_uri *u) {
        assert(u);
        mem_free_secret(u->text, u->text ? u->n_text : 0);
        *u = (struct db_uri){};
}

const char *db_uri_get(const struct db_uri *u, const char *name) {
        assert(u && name);
        for (size_t i = 0; i < u->n_params; i++)
                if (str_eq(u->params[i].name, name))
                        return u->params[i].value;
        return NULL;
}

const char *db_uri_socket(const struct db_uri *u) {
        const char *path = db_uri_get(u, u->dialect == DB_MYSQL ? "unix_socket" : "host");

        if (path && *path == '/')
                return path;
        return u->host && *u->host == '/' ? u->host : NULL;
}

static bool is_loopback(const char *host) {
        struct in_addr four;
        struct in6_addr six;

        if (str_eq_fold(host, "localhost"))
                return true;
        if (inet_pton(AF_INET, host, &four) == 1)
                return (ntohl(four.s_addr) >> 24) == 127;
        return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

bool db_uri_is_local(const struct db_uri *u) {
        const char *host = db_uri_get(u, "hostaddr");

        assert(u->dialect != DB_SQLITE);
        if (!host)
                host = db_uri_get(u, "host");
        if (!host)
                host = u->host;
        return db_uri_socket(u) || str_empty(host) || is_loopback(host);
}

int db_uri_check(const char *uri, unsigned engines, struct errmsg *em) {
        static const struct {
                unsigned engine;
                const char *form;
        } rows[] = {{DB_URI_SQLITE, "sqlite:////PATH/OF.db"},
                    {DB_URI_POSTGRES, "postgresql://USER@HOST/DATABASE"},
                    {DB_URI_MYSQL, "mysql://USER@HOST/DATABASE"}};
        const char *forms[ARRAY_SIZE(rows)] = {"", "", ""};
        _cleanup_free_ char *shown = NULL;
        struct db_uri u = {};
        size_t n = 0;
        int r;

        if (db_uri_is(uri, "sqlite") && engines & DB_URI_SQLITE)
                return 0;
        r = db_uri_parse(uri, em, &u);
        if (r == 0) {
                unsigned engine = u.dialect == DB_POSTGRES ? DB_URI_POSTGRES : DB_URI_MYSQL;

                db_uri_done(&u);
                if (engines & engine)
                        return 0;
        }
        if (r < 0 && r != -EPROTONOSUPPORT)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (engines & rows[i].engine)
                        forms[n++] = rows[i].form;
        shown = db_uri_redact(uri);
        return errmsg_fail(em, -EINVAL, "%s is no database that can be used here: use %s%s%s%s%s",
                           shown ? shown : "this", forms[0],
                           n > 2   ? ", "
                           : n > 1 ? " or "
                                   : "",
                           forms[1], n > 2 ? " or " : "", forms[2]);
}

/* Where the password begins and ends in `uri`; false: there is none. */
static bool find_password(const char *uri, const char **ret_from, const char **ret_to) {
        const char *rest = strstr(uri, "://"), *at, *colon;

        if (!rest)
                return false;
        rest += 3;
        at = strchr(rest, '@');
        colon = strchr(rest, ':');
        if (!at || !colon || colon > at)
                return false;
        /* An @ that should have been encoded: hide too much rather than too little. */
        for (const char *later = at; (later = strchr(later + 1, '@'));)
                at = later;
        *ret_from = colon + 1;
        *ret_to = at;
        return true;
}

char *db_uri_redact(const char *uri) {
        const char *from, *to, *param;
        _cleanup_buf_ struct buf out = {};

        assert(uri);
        if (find_password(uri, &from, &to)) {
                (void) buf_add(&out, uri, (size_t) (from - uri));
                (void) buf_add_str(&out, "***");
                uri = to;
        }
        param = strstr(uri, "password=");
        if (param) {
                (void) buf_add(&out, uri, (size_t) (param - uri) + STRLEN("password="));
                (void) buf_add_str(&out, "***");
                uri = param + strcspn(param, "&");
        }
        (void) buf_add_str(&out, uri);
        return buf_take(&out, NULL);
}

char *db_uri_encode(const char *text) {
        _cleanup_buf_ struct buf out = {};

        assert(text);
        for (; *text; text++) {
                unsigned char c = (unsigned char) *text;

                if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
                        (void) buf_add_char(&out, (char) c);
                else
                        (void) buf_printf(&out, "%%%02X", c);
        }
        return buf_take(&out, NULL);
}

char *db_uri_with_password(const char *uri, const char *password) {
        _cleanup_free_ char *encoded = NULL;
        const char *from, *to, *host;
        enum db_dialect dialect;

        assert(uri && password);
        if (!dialect_of(uri, &dialect) || find_password(uri, &from, &to) ||
            !(host = strstr(uri, "://")))
                return mem_strdup(uri);
        host = memchr(host, '@', strcspn(host, "?")); /* one behind it belongs to a parameter */
        if (!host)
                return mem_strdup(uri);
        encoded = db_uri_encode(password);
        return encoded ? str_printf("%.*s:%s%s", (int) (host - uri), uri, encoded, host) : NULL;
}

int db_uri_read_password(const char *path, char **ret, struct errmsg *em) {
        size_t n;
        int r = fileio_read(path, PASSWORD_MAX, ret, &n);

        if (r < 0)
                return errmsg_fail(em, r == -ENOMEM ? r : -EINVAL,
                                   "%s: the database's password cannot be read: %s", path,
                                   errmsg_strerror(r));
        (*ret)[strcspn(*ret, "\r\n")] = '\0';
        return 0;
}
