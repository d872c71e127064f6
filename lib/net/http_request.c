/* Reading a request, and the headers of its answer. */
#include "lib/net/http_request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/net/http_exchange.h"

const char *http_request_param(const struct http_request *req, const char *name) {
        const struct http_route_match *m = &http_exchange_of(req)->match;
        size_t size = strlen(name);

        for (size_t i = 0; i < m->n_params; i++)
                if (m->params[i].name_size == size && memcmp(m->params[i].name, name, size) == 0)
                        return m->params[i].value;
        return NULL;
}

const char *http_request_query_next(const struct http_request *req, const char *key, size_t *i) {
        const struct http_exchange *x = http_exchange_of(req);

        while (*i < x->n_query) {
                const struct http_query_pair *pair = &x->query[(*i)++];

                if (str_eq(pair->key, key))
                        return pair->value;
        }
        return NULL;
}

const char *http_request_query(const struct http_request *req, const char *key) {
        size_t i = 0;

        return http_request_query_next(req, key, &i);
}

bool http_request_query_pair(const struct http_request *req, size_t *i, const char **ret_key,
                             const char **ret_value) {
        const struct http_exchange *x = http_exchange_of(req);

        if (*i >= x->n_query)
                return false;
        *ret_key = x->query[*i].key;
        *ret_value = x->query[(*i)++].value;
        return true;
}

int http_request_query_i64(const struct http_request *req, const char *key, int64_t *ret) {
        const char *text = http_request_query(req, key);

        return text ? str_to_i64(text, ret) : -ENOENT;
}

const char *http_request_header(const struct http_request *req, const char *name) {
        return MHD_lookup_connection_value(http_exchange_of(req)->conn->mhd, MHD_HEADER_KIND, name);
}

struct http_request_each {
        int (*each)(void *ctx, const char *name, const char *value);
        void *ctx;
        int r;
};

static enum MHD_Result http_request_on_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                              const char *value) {
        struct http_request_each *e = cls;

        e->r = e->each(e->ctx, key, value ? value : "");
        return e->r == 0 ? MHD_YES : MHD_NO;
}

int http_request_header_each(const struct http_request *req,
                             int (*each)(void *ctx, const char *name, const char *value),
                             void *ctx) {
        struct http_request_each e = {each, ctx, 0};

        MHD_get_connection_values(http_exchange_of(req)->conn->mhd, MHD_HEADER_KIND,
                                  http_request_on_header, &e);
        return e.r;
}

const char *http_request_cookie(const struct http_request *req, const char *name) {
        return MHD_lookup_connection_value(http_exchange_of(req)->conn->mhd, MHD_COOKIE_KIND, name);
}

const char *http_request_content_type(const struct http_request *req) {
        const char *text = http_request_header(req, "Content-Type");
        char *type;

        if (!text)
                return "";
        type = arena_strndup(req->arena, text, strcspn(text, ";, \t"));
        if (!type)
                return "";
        str_lower(type);
        return type;
}

uint64_t http_request_content_length(const struct http_request *req) {
        return http_exchange_of(req)->body_expected;
}

bool http_request_gone(const struct http_request *req) {
        return atomic_load(&http_exchange_of(req)->gone);
}

void http_request_body_resume(struct http_request *req) {
        http_exchange_body_resume(http_exchange_of(req));
}

int http_request_set_header(struct http_request *req, const char *name, const char *value) {
        struct http_exchange *x = http_exchange_of(req);
        struct http_exchange_header *h, **p = &x->headers;

        if (!*name || name[strcspn(name, "\r\n: ")] || value[strcspn(value, "\r\n")])
                return -EINVAL;
        h = arena_new(&x->arena, struct http_exchange_header);
        if (!h)
                return -ENOMEM;
        h->name = arena_strdup(&x->arena, name);
        h->value = arena_strdup(&x->arena, value);
        if (!h->name || !h->value)
                return -ENOMEM;
        while (*p)
                p = &(*p)->next;
        *p = h;
        return 0;
}

int http_request_set_cookie(struct http_request *req, const char *name, const char *value,
                            int max_age_s) {
        char age[32] = "", *text;

        if (value[strcspn(value, ";, \"\\")])
                return -EINVAL;
        if (max_age_s != 0)
                snprintf(age, sizeof age, "; Max-Age=%d", MAX(max_age_s, 0));
        text = arena_printf(req->arena, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s", name, value,
                            age);
        return text ? http_request_set_header(req, "Set-Cookie", text) : -ENOMEM;
}
