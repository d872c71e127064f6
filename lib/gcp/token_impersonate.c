/* token_impersonate.c: the inner source is asked for the cloud-platform scope, the call for what
 * the caller wants. */
#include "lib/gcp/token_impersonate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/token.h"

#define ENDPOINT "https://iamcredentials.googleapis.com"
#define ACCOUNT_PREFIX "projects/-/serviceAccounts/"
#define LIFETIME_S 3600

struct impersonate_source {
        struct token_source source;
        struct token_source *inner;
        char *url;
        char *email;
        char **delegates;
        int64_t lifetime_s;
};

static int add_body(const struct impersonate_source *self, const char *scopes, struct buf *body) {
        _cleanup_(str_free_listp) char **list = str_split(scopes, " ");
        struct json_write w;
        char lifetime[32];

        if (!list)
                return -ENOMEM;
        snprintf(lifetime, sizeof lifetime, "%llds", (long long) self->lifetime_s);
        json_write_init(&w, body, 0);
        json_write_object(&w);
        json_write_kv_array(&w, "scope");
        for (size_t i = 0; list[i]; i++)
                json_write_str(&w, list[i]);
        json_write_end(&w);
        json_write_kv_str(&w, "lifetime", lifetime);
        if (self->delegates) {
                json_write_kv_array(&w, "delegates");
                for (size_t i = 0; self->delegates[i]; i++)
                        json_write_str(&w, self->delegates[i]);
                json_write_end(&w);
        }
        json_write_end(&w);
        return json_write_finish(&w);
}

static int impersonate_fetch(struct token_source *s, const struct token_source_ask *ask,
                             struct token_source_answer *ret, struct errmsg *em) {
        struct impersonate_source *self = container_of(s, struct impersonate_source, source);
        struct token_source_ask inner_ask = *ask;
        struct token_source_answer own = {};
        _cleanup_buf_ struct buf body = {};
        int r;

        inner_ask.scopes = TOKEN_SCOPE_CLOUD;
        r = self->inner->ops->fetch(self->inner, &inner_ask, &own, em);
        if (r >= 0)
                r = add_body(self, ask->scopes, &body);
        if (r >= 0)
                r = token_source_post(ask, "impersonation", self->url, "application/json", &body,
                                      own.text, ret, em);
        token_source_answer_done(&own);
        return r;
}

static void impersonate_free(struct token_source *s) {
        struct impersonate_source *self = container_of(s, struct impersonate_source, source);

        token_source_free(self->inner);
        str_free_list(self->delegates);
        mem_free(self->url);
        mem_free(self->email);
        mem_free(s->what);
        mem_free(self);
}

static const struct token_source_ops impersonate_ops = {
        .fetch = impersonate_fetch,
        .free = impersonate_free,
};

/* The account in "…/serviceAccounts/ACCOUNT:generateAccessToken". */
static char *account_of(const char *url) {
        const char *from = strstr(url, "/serviceAccounts/");

        if (!from)
                return mem_strdup("an account");
        from += STRLEN("/serviceAccounts/");
        return mem_strndup(from, strcspn(from, ":/?"));
}

static int fill(struct impersonate_source *self, const struct token_impersonate *o) {
        self->lifetime_s = o->lifetime_s > 0 ? o->lifetime_s : LIFETIME_S;
        self->url = mem_strdup(o->url);
        self->email = account_of(o->url);
        if (!self->url || !self->email)
                return -ENOMEM;
        for (const char *const *d = o->delegates; d && *d; d++)
                if (str_list_add(&self->delegates, *d) < 0)
                        return -ENOMEM;
        self->source.email = self->email;
        self->source.project = self->inner->project;
        self->source.quota_project = self->inner->quota_project;
        self->source.what = str_printf("%s, impersonated by %s", self->email, self->inner->what);
        return self->source.what ? 0 : -ENOMEM;
}

int token_impersonate_new(const struct token_impersonate *o, struct token_source *inner,
                          struct token_source **ret) {
        struct impersonate_source *self = mem_new(struct impersonate_source);
        int r;

        if (!self) {
                token_source_free(inner);
                return -ENOMEM;
        }
        self->source.ops = &impersonate_ops;
        self->inner = inner;
        r = fill(self, o);
        if (r < 0) {
                impersonate_free(&self->source);
                return r;
        }
        *ret = &self->source;
        return 0;
}

/* --- by a list of accounts -----------------------------------------------------------------------
 */

static bool is_account(const char *s) {
        return *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-_.@")];
}

/* "a,b,c": a is the target, then [c, b] with their prefix. */
static int read_list(char **names, char ***ret_delegates, struct errmsg *em) {
        size_t n = str_count(names);

        if (n == 0)
                return errmsg_fail(em, -EINVAL, "impersonation names no service account");
        for (size_t i = n; i-- > 0;) {
                _cleanup_free_ char *full = NULL;

                if (!is_account(names[i]))
                        return errmsg_fail(em, -EINVAL, "\"%.100s\" is not a service account",
                                           names[i]);
                if (i == 0)
                        break;
                full = str_printf("%s%s", ACCOUNT_PREFIX, names[i]);
                if (!full || str_list_add(ret_delegates, full) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int token_impersonate_list_new(const char *list, const char *endpoint, struct token_source *inner,
                               struct errmsg *em, struct token_source **ret) {
        _cleanup_(str_free_listp) char **names = str_split(list, ","), **delegates = NULL;
        _cleanup_free_ char *url = NULL;
        struct token_impersonate o = {};
        int r;

        r = names ? read_list(names, &delegates, em) : -ENOMEM;
        if (r >= 0) {
                url = str_printf("%s/v1/%s%s:generateAccessToken", endpoint ?: ENDPOINT,
                                 ACCOUNT_PREFIX, names[0]);
                r = url ? 0 : -ENOMEM;
        }
        if (r < 0) {
                token_source_free(inner);
                return r;
        }
        o.url = url;
        o.delegates = (const char *const *) delegates;
        return token_impersonate_new(&o, inner, ret);
}
