/* token_user.c: the scopes are those the person agreed to: none are sent. */
#include "lib/gcp/token_user.h"

#include <errno.h>
#include <string.h>

#include "lib/base/mem.h"

struct user_source {
        struct token_source source;
        const struct token_credentials *c;
};

static int user_fetch(struct token_source *s, const struct token_source_ask *ask,
                      struct token_source_answer *ret, struct errmsg *em) {
        const struct token_credentials *c = container_of(s, struct user_source, source)->c;
        struct buf form = {};
        int r;

        token_source_form(&form, "grant_type", "refresh_token");
        token_source_form(&form, "client_id", c->client_id);
        token_source_form(&form, "client_secret", c->client_secret);
        r = token_source_form(&form, "refresh_token", c->refresh_token);
        if (r >= 0)
                r = token_source_post(ask, "the token endpoint", c->token_url,
                                      "application/x-www-form-urlencoded", &form, NULL, ret, em);
        if (form.data)
                explicit_bzero(form.data, form.len);
        buf_done(&form);
        return r;
}

static void user_free(struct token_source *s) {
        mem_free(s->what);
        mem_free(container_of(s, struct user_source, source));
}

static const struct token_source_ops user_ops = {.fetch = user_fetch, .free = user_free};

int token_user_new(const struct token_credentials *c, struct token_source **ret) {
        struct user_source *self = mem_new(struct user_source);

        if (!self)
                return -ENOMEM;
        self->source.ops = &user_ops;
        self->source.what = mem_strdup("a user's refresh token");
        self->c = c;
        if (!self->source.what) {
                mem_free(self);
                return -ENOMEM;
        }
        *ret = &self->source;
        return 0;
}
