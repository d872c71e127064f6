#include "daemons/scheduler/connection.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/json.h"
#include "lib/base/json_write.h"
#include "lib/base/str.h"

#define EXTRA_KEY "__extra__"
#define MASK "***"

/* --- what is secret -----------------------------------------------------------------------------
 */

bool connection_is_sensitive(const char *name) {
        static const char *const words[] = {
                "access_key",   "access_token",    "api_key",        "apikey",
                "auth_header",  "authorization",   "bearer",         "connection_string",
                "dsn",          "passphrase",      "passwd",         "password",
                "private_key",  "proxy",           "proxy_password", "proxies",
                "secret",       "service_account", "service_key",    "token",
                "keyfile_dict", "webhook_url"};

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strcasestr(name, words[i]))
                        return true;
        return false;
}

static void mask_node(struct json_write *w, const struct json *j) {
        const struct json *item;

        if (j->type != JSON_OBJECT && j->type != JSON_ARRAY) {
                json_write_node(w, j);
                return;
        }
        if (j->type == JSON_OBJECT)
                json_write_object(w);
        else
                json_write_array(w);
        json_each (item, j) {
                if (j->type == JSON_OBJECT)
                        json_write_key(w, item->key);
                if (j->type == JSON_OBJECT && connection_is_sensitive(item->key) &&
                    item->type != JSON_NULL)
                        json_write_str(w, MASK);
                else
                        mask_node(w, item);
        }
        json_write_end(w);
}

const char *connection_mask(const char *json, struct arena *a) {
        _cleanup_buf_ struct buf b = {};
        struct json_write w;
        struct json *j;

        if (json_parse_copy(a, json, strlen(json), &j, NULL) < 0 ||
            (j->type != JSON_OBJECT && j->type != JSON_ARRAY))
                return json;
        json_write_init(&w, &b, 0);
        mask_node(&w, j);
        return json_write_finish(&w) < 0 ? NULL : arena_strdup(a, buf_cstr(&b));
}

/* --- the URI ------------------------------------------------------------------------------------
 */

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        c = (char) tolower((unsigned char) c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %XX is that byte; what is no such thing stays. plus: "+" is a blank. NUL ends the text. */
static char *unquote(struct arena *a, const char *s, size_t n, bool plus) {
        char *out = arena_alloc(a, n + 1);
        size_t k = 0;

        for (size_t i = 0; out && i < n; i++) {
                int hi = s[i] == '%' && i + 2 < n ? hex_value(s[i + 1]) : -1;
                int lo = hi >= 0 ? hex_value(s[i + 2]) : -1;

                if (lo >= 0) {
                        out[k++] = (char) (hi << 4 | lo);
                        i += 2;
                } else
                        out[k++] = plus && s[i] == '+' ? ' ' : s[i];
        }
        if (out)
                out[k] = 0;
        return out;
}

/* A part that may be absent: absent and empty are both NULL, as a connection has no empty texts. */
static int part(struct arena *a, const char *s, size_t n, const char **ret) {
        *ret = NULL;
        if (n == 0)
                return 0;
        *ret = unquote(a, s, n, false);
        return *ret ? 0 : -ENOMEM;
}

static const char *normal_type(struct arena *a, const char *type, size_t n) {
        char *t = arena_strndup(a, type, n);

        for (char *p = t; p && *p; p++)
                *p = *p == '-' ? '_' : (char) tolower((unsigned char) *p);
        return t && str_eq(t, "postgresql") ? "postgres" : t;
}

static int parse_port(const char *s, size_t n, int *ret, struct errmsg *em) {
        char text[8];
        int port;

        if (n == 0)
                return 0;
        if (n >= sizeof(text))
                return errmsg_fail(em, -EINVAL, "the port is no number from 0 to 65535");
        memcpy(text, s, n);
        text[n] = 0;
        if (strspn(text, "0123456789") != n || str_to_int(text, &port) < 0 || port > 65535)
                return errmsg_fail(em, -EINVAL, "the port is no number from 0 to 65535");
        *ret = port;
        return 0;
}

/* Host names are in lower case; a path or another address in their place stays as it is. */
static int parse_host(struct arena *a, const char *s, size_t n, const char *protocol,
                      const char **ret) {
        char *host = unquote(a, s, n, false);

        if (!host)
                return -ENOMEM;
        if (!strchr(host, '/')) {
                char *lower = arena_strndup(a, s, n);

                for (char *p = lower; p && *p; p++)
                        *p = (char) tolower((unsigned char) *p);
                host = lower ? unquote(a, lower, n, false) : NULL;
                if (!host)
                        return -ENOMEM;
        }
        *ret = *host == 0 ? NULL : protocol ? arena_printf(a, "%s://%s", protocol, host) : host;
        return *host == 0 || *ret ? 0 : -ENOMEM;
}

/* "login:password@host:port" */
static int parse_authority(struct arena *a, const char *s, size_t n, const char *protocol,
                           struct connection *c, struct errmsg *em) {
        const char *at = memrchr(s, '@', n), *host = at ? at + 1 : s, *colon;
        size_t n_user = at ? (size_t) (at - s) : 0, n_host = n - (size_t) (host - s);
        int r;

        colon = memchr(s, ':', n_user);
        r = part(a, s, colon ? (size_t) (colon - s) : n_user, &c->login);
        if (r >= 0 && colon)
                r = part(a, colon + 1, n_user - (size_t) (colon + 1 - s), &c->password);
        if (r < 0)
                return r;
        if (*host == '[') { /* an IPv6 address */
                const char *end = memchr(host, ']', n_host);

                if (!end)
                        return errmsg_fail(em, -EINVAL, "the host has \"[\" without \"]\"");
                colon = end[1] == ':' && end + 1 < host + n_host ? end + 1 : NULL;
                r = parse_host(a, host + 1, (size_t) (end - host) - 1, protocol, &c->host);
        } else {
                colon = memchr(host, ':', n_host);
                r = parse_host(a, host, colon ? (size_t) (colon - host) : n_host, protocol,
                               &c->host);
        }
        if (r < 0 || !colon)
                return r;
        return parse_port(colon + 1, n_host - (size_t) (colon + 1 - host), &c->port, em);
}

/* A value that is JSON counts as that. */
static void write_value(struct json_write *w, struct arena *a, const char *text) {
        struct json *j;

        if (*text && json_parse_copy(a, text, strlen(text), &j, NULL) >= 0)
                json_write_node(w, j);
        else
                json_write_str(w, text);
}

/* Is there a later pair of that name? The last one counts, in the place of the first. */
static const char *last_value(struct arena *a, const char *query, const char *name,
                              const char *mine) {
        const char *word, *found = mine;
        size_t n;

        while (str_word(&query, "&", &word, &n)) {
                const char *eq = memchr(word, '=', n);
                char *key = unquote(a, word, eq ? (size_t) (eq - word) : n, true);

                if (key && str_eq(key, name))
                        found = eq ? unquote(a, eq + 1, n - (size_t) (eq + 1 - word), true) : "";
        }
        return found;
}

static int parse_query(struct arena *a, const char *query, struct connection *c) {
        _cleanup_buf_ struct buf extra = {}, seen = {};
        const char *rest = query, *word;
        struct json_write w;
        size_t n;

        json_write_init(&w, &extra, 0);
        json_write_object(&w);
        while (str_word(&rest, "&", &word, &n)) {
                const char *eq = memchr(word, '=', n), *value;
                char *key = unquote(a, word, eq ? (size_t) (eq - word) : n, true);
                char *mark = key ? arena_printf(a, "\1%s\1", key) : NULL;

                if (!mark)
                        return -ENOMEM;
                value = last_value(a, query, key, "");
                if (!value)
                        return -ENOMEM;
                if (str_eq(key, EXTRA_KEY)) {
                        c->extra = value;
                        json_write_end(&w);
                        (void) json_write_finish(&w);
                        return 0;
                }
                if (seen.len > 0 && strstr(buf_cstr(&seen), mark))
                        continue;
                (void) buf_add_str(&seen, mark);
                json_write_key(&w, key);
                write_value(&w, a, value);
        }
        json_write_end(&w);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        c->extra = arena_strdup(a, buf_cstr(&extra));
        return c->extra ? 0 : -ENOMEM;
}

static unsigned count_schemes(const char *uri) {
        unsigned n = 0;

        for (const char *p = uri; (p = strstr(p, "://")); p += 3)
                n++;
        return n;
}

static bool is_scheme(const char *s, size_t n) {
        if (n == 0 || !isalpha((unsigned char) *s))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char) s[i]) && !strchr("+-._", s[i]))
                        return false;
        return true;
}

/* What follows the type: the authority, the schema and the query. */
static int parse_rest(struct arena *a, const char *s, const char *protocol, struct connection *c,
                      struct errmsg *em) {
        size_t n_authority = strcspn(s, "/?#"), n_path;
        const char *path = s + n_authority, *query;
        char *text;
        int r;

        r = parse_authority(a, s, n_authority, protocol, c, em);
        if (r < 0)
                return r;
        n_path = strcspn(path, "?#");
        if (n_path > 0)
                r = part(a, path + 1, n_path - 1, &c->schema);
        if (r < 0 || path[n_path] != '?')
                return r;
        query = path + n_path + 1;
        text = arena_strndup(a, query, strcspn(query, "#"));
        return !text ? -ENOMEM : *text ? parse_query(a, text, c) : 0;
}

int connection_parse_uri(const char *uri, struct arena *a, struct connection *ret,
                         struct errmsg *em) {
        const char *sep = strstr(uri, "://"), *rest, *protocol = NULL, *second;
        struct connection c = {};
        int r;

        if (!sep || !is_scheme(uri, (size_t) (sep - uri)) || count_schemes(uri) > 2)
                return errmsg_fail(
                        em, -EINVAL,
                        "is no connection URI like type://login:password@host:port/schema");
        c.type = normal_type(a, uri, (size_t) (sep - uri));
        rest = sep + 3;
        second = strstr(rest, "://");
        if (second) {
                size_t n = (size_t) (second - rest);

                if (!is_scheme(rest, n))
                        return errmsg_fail(em, -EINVAL,
                                           "the part before the second \"://\" is no protocol");
                protocol = arena_strndup(a, rest, n);
                rest = second + 3;
        }
        if (!c.type || (second && !protocol))
                return -ENOMEM;
        for (char *p = (char *) (uintptr_t) protocol; p && *p; p++)
                *p = (char) tolower((unsigned char) *p);
        r = parse_rest(a, rest, protocol, &c, em);
        if (r >= 0)
                *ret = c;
        return r;
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

static int want_extra(const struct json *j, struct arena *a, const char **ret) {
        const struct json *v = json_get(j, "extra");
        _cleanup_buf_ struct buf b = {};
        struct json_write w;

        if (!v || v->type == JSON_NULL || json_str(v, ret) == 0)
                return 0;
        json_write_init(&w, &b, 0);
        json_write_node(&w, v);
        if (json_write_finish(&w) < 0)
                return -ENOMEM;
        *ret = arena_strdup(a, buf_cstr(&b));
        return *ret ? 0 : -ENOMEM;
}

static int want_port(const struct json *j, int *ret, struct errmsg *em) {
        const struct json *v = json_get(j, "port");
        const char *text;
        int64_t port;

        if (!v || v->type == JSON_NULL)
                return 0;
        if (json_str(v, &text) == 0)
                return parse_port(text, strlen(text), ret, em);
        if (json_i64(v, &port) != 0 || port < 0 || port > 65535)
                return errmsg_fail(em, -EINVAL, "\"port\" must be a number from 0 to 65535");
        *ret = (int) port;
        return 0;
}

int connection_parse_json(const struct json *j, struct arena *a, struct connection *ret,
                          struct errmsg *em) {
        struct connection c = {};
        const char *type = NULL;
        int r;

        if ((r = json_want_str(j, "conn_type", &type, em)) < 0 ||
            (r = json_want_str(j, "host", &c.host, em)) < 0 ||
            (r = json_want_str(j, "login", &c.login, em)) < 0 ||
            (r = json_want_str(j, "password", &c.password, em)) < 0 ||
            (r = json_want_str(j, "schema", &c.schema, em)) < 0 ||
            (r = json_want_str(j, "description", &c.description, em)) < 0 ||
            (r = want_port(j, &c.port, em)) < 0 || (r = want_extra(j, a, &c.extra)) < 0)
                return r;
        if (str_empty(type))
                return errmsg_fail(em, -EINVAL, "\"conn_type\" is missing");
        c.type = normal_type(a, type, strlen(type));
        if (!c.type)
                return -ENOMEM;
        *ret = c;
        return 0;
}

int connection_parse(const char *text, struct arena *a, struct connection *ret, struct errmsg *em) {
        struct json *j;
        int r;

        text += strspn(text, " \t\r\n");
        if (*text != '{')
                return connection_parse_uri(text, a, ret, em);
        r = json_parse_copy(a, text, strlen(text), &j, em);
        return r < 0 ? r : connection_parse_json(j, a, ret, em);
}

void connection_write(struct json_write *w, const struct connection *c, bool mask,
                      struct arena *a) {
        json_write_kv_str(w, "conn_type", c->type);
        json_write_kv_str(w, "description", c->description);
        json_write_kv_str(w, "host", c->host);
        json_write_kv_str(w, "login", c->login);
        json_write_kv_str(w, "schema", c->schema);
        if (c->port > 0)
                json_write_kv_i64(w, "port", c->port);
        else
                json_write_kv_null(w, "port");
        json_write_kv_str(w, "password", c->password && mask ? MASK : c->password);
        json_write_kv_str(w, "extra", c->extra && mask ? connection_mask(c->extra, a) : c->extra);
}

static void quote(struct buf *out, const char *s) {
        for (; *s; s++)
                if (isalnum((unsigned char) *s) || strchr("-._~", *s))
                        (void) buf_add(out, s, 1);
                else
                        (void) buf_printf(out, "%%%02X", (unsigned char) *s);
}

static void add_user(const struct connection *c, struct buf *out) {
        if (c->login)
                quote(out, c->login);
        if (c->password) {
                (void) buf_add(out, ":", 1);
                quote(out, c->password);
        }
        if (c->login || c->password)
                (void) buf_add(out, "@", 1);
}

static void add_place(const struct connection *c, const char *host, struct buf *out) {
        bool has_before = host || c->login || c->password;

        if (host)
                quote(out, host);
        if (c->port > 0)
                (void) buf_printf(out, "%s:%d", has_before ? "" : "@", c->port);
        (void) buf_add(out, "/", 1);
        if (c->schema)
                quote(out, c->schema);
}

int connection_print_uri(const struct connection *c, struct arena *a, struct buf *out) {
        const char *sep = c->host ? strstr(c->host, "://") : NULL;
        char *type = arena_strdup(a, c->type);

        for (char *p = type; p && *p; p++)
                *p = *p == '_' ? '-' : *p;
        if (!type)
                return -ENOMEM;
        (void) buf_printf(out, "%s://", type);
        if (sep)
                (void) buf_add(out, c->host, (size_t) (sep + 3 - c->host));
        add_user(c, out);
        add_place(c, sep ? sep + 3 : c->host, out);
        if (c->extra) {
                (void) buf_add_str(out, "?" EXTRA_KEY "=");
                quote(out, c->extra);
        }
        return buf_error(out);
}
