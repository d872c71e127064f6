/* token_url.c: the answer is OAuth's. */
#include "lib/gcp/token_url.h"

#include <errno.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/token_answer.h"

#define ANSWER_MAX ((size_t) 1 << 20)
#define TOTAL_FOR (30 * USEC_PER_SEC)

struct url_source {
        struct token_source source;
        char *url;
        char *unix_path; /* NULL = by the URL */
};

static int url_fetch(struct token_source *s, const struct token_source_ask *ask,
                     struct token_source_answer *ret, struct errmsg *em) {
        struct url_source *self = container_of(s, struct url_source, source);
        struct http_fetch_call call = {
                .url = self->url,
                .unix_path = self->unix_path,
                .max_body = ANSWER_MAX,
                .total_for = TOTAL_FOR,
        };
        _cleanup_fetch_answer_ struct http_fetch_answer a = {};
        char reason[300];
        int r = http_fetch(ask->http, &call, &a, em);

        if (r < 0) {
                errmsg_prefix(em, "%s", s->what);
                return r;
        }
        r = token_source_status_error(a.status);
        if (r < 0) {
                token_answer_reason(buf_cstr(&a.body), a.body.len, reason, sizeof reason);
                return errmsg_fail(em, r, "%s answers %d%s%s", s->what, a.status,
                                   *reason ? ": " : "", reason);
        }
        r = token_answer_parse(buf_cstr(&a.body), a.body.len, clock_now(ask->clock), &ret->text,
                               &ret->expires_at, em);
        if (a.body.data)
                explicit_bzero(a.body.data, a.body.len);
        if (r < 0)
                errmsg_prefix(em, "%s", s->what);
        return r;
}

static void url_free(struct token_source *s) {
        struct url_source *self = container_of(s, struct url_source, source);

        mem_free(self->url);
        mem_free(self->unix_path);
        mem_free(s->what);
        mem_free(self);
}

static const struct token_source_ops url_ops = {.fetch = url_fetch, .free = url_free};

static int fill(struct url_source *self, const char *url, const char *socket) {
        size_t n = strcspn(url, "?");

        self->source.ops = &url_ops;
        self->source.what = str_printf("the token server at %.*s", (int) n, url);
        if (socket) {
                n = strcspn(socket, "?");
                self->unix_path = mem_strndup(socket, n);
                self->url = str_printf("http://localhost/%s", socket + n);
        } else {
                self->url = mem_strdup(url);
        }
        return self->source.what && self->url && (!socket || self->unix_path) ? 0 : -ENOMEM;
}

int token_url_new(const char *url, struct errmsg *em, struct token_source **ret) {
        const char *socket = str_after(url, "unix://");
        struct url_source *self;

        if (url[strcspn(url, " \r\n")] || (socket && *socket != '/') ||
            (!socket && !str_starts(url, "http://") && !str_starts(url, "https://")))
                return errmsg_fail(em, -EINVAL,
                                   "the token URL must be http://…, https://… or unix:///PATH");
        self = mem_new(struct url_source);
        if (!self)
                return -ENOMEM;
        if (fill(self, url, socket) < 0) {
                url_free(&self->source);
                return -ENOMEM;
        }
        *ret = &self->source;
        return 0;
}
