/* probe_http: asks for the base URL, as Airflow's HttpHook makes it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/probe.h"
#include "lib/base/base64.h"
#include "lib/base/buf.h"
#include "lib/base/json.h"
#include "lib/base/str.h"
#include "lib/net/http_fetch.h"

enum { HEADERS_MAX = 34 };

/* Extra of an HTTP connection holds headers, and these. */
static bool is_option(const char *key) {
        static const char *const names[] = {"timeout",       "allow_redirects", "proxies",
                                            "proxy",         "verify",          "cert",
                                            "max_redirects", "trust_env",       "check_response",
                                            "stream",        "auth_type",       "auth_kwargs"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (str_eq(key, names[i]))
                        return true;
        return false;
}

static const char *login_header(struct probe *p) {
        _cleanup_buf_ struct buf b = {};
        char *both = arena_printf(p->a, "%s:%s", p->login ? p->login : "",
                                  p->password ? p->password : "");

        if (!both || base64_encode(&b, both, strlen(both), 0) < 0)
                return NULL;
        return arena_printf(p->a, "Authorization: Basic %s", buf_cstr(&b));
}

static int make_headers(struct probe *p, const char **ret) {
        const struct json *item;
        const char *text;
        size_t n = 0;

        if (p->login) {
                ret[n] = login_header(p);
                if (!ret[n++])
                        return -ENOMEM;
        }
        json_each (item, p->extra) {
                if (json_str(item, &text) != 0 || is_option(item->key) || n == HEADERS_MAX - 1)
                        continue;
                ret[n] = arena_printf(p->a, "%s: %s", item->key, text);
                if (!ret[n++])
                        return -ENOMEM;
        }
        ret[n] = NULL;
        return 0;
}

static const char *make_url(struct probe *p) {
        const char *scheme = p->schema ? p->schema : str_eq(p->type, "https") ? "https" : "http";
        char port[8] = "";

        if (p->port)
                (void) snprintf(port, sizeof(port), ":%d", p->port);
        if (strstr(p->host, "://"))
                return arena_printf(p->a, "%s%s", p->host, port);
        return arena_printf(p->a, "%s://%s%s", scheme, p->host, port);
}

int probe_http(struct probe *p) {
        _cleanup_(http_fetch_freep) struct http_fetch *f = NULL;
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        const char *headers[HEADERS_MAX];
        const char *url;
        int r;

        if (!p->host)
                return errmsg_fail(&p->em, -EINVAL, "the connection has no host");
        url = make_url(p);
        r = url ? make_headers(p, headers) : -ENOMEM;
        if (r >= 0)
                r = http_fetch_new(NULL, &f);
        if (r < 0)
                return errmsg_fail(&p->em, r, "no memory");
        r = http_fetch(f,
                       &(struct http_fetch_call){.url = url,
                                                 .headers = headers,
                                                 .max_body = 4 << 20,
                                                 .connect_for = PROBE_FOR,
                                                 .total_for = PROBE_FOR},
                       &a, &p->em);
        if (r < 0 && r != -EFBIG)
                return r;
        if (r == 0 && a.status >= 400)
                return errmsg_fail(&p->em, -EPROTO, "%s answered %d%s", url, a.status,
                                   a.status == 401 || a.status == 403
                                           ? ": the login or its headers are not accepted"
                                           : "");
        errmsg_set(&p->em, "Connection successfully tested");
        return 0;
}
