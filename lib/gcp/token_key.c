/* token_key.c: the key is decoded once; each fetch signs anew. */
#include "lib/gcp/token_key.h"

#include <errno.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/token_jwt.h"

#define ASSERTION_FOR (60 * USEC_PER_MINUTE)
#define SKEW_FOR (10 * USEC_PER_SEC) /* our clock may be a little ahead of theirs */
#define GRANT "urn:ietf:params:oauth:grant-type:jwt-bearer"

struct key_source {
        struct token_source source;
        const struct token_credentials *c;
        EVP_PKEY *key;
};

static int key_fetch(struct token_source *s, const struct token_source_ask *ask,
                     struct token_source_answer *ret, struct errmsg *em) {
        struct key_source *self = container_of(s, struct key_source, source);
        struct token_jwt jwt = {
                .key_id = self->c->private_key_id,
                .issuer = self->c->client_email,
                .audience = self->c->token_url,
                .scope = ask->scopes,
                .issued_at = clock_now(ask->clock) - SKEW_FOR,
                .valid_for = ASSERTION_FOR,
        };
        _cleanup_buf_ struct buf assertion = {}, form = {};
        int r = token_jwt_print(self->key, &jwt, &assertion, em);

        if (r < 0)
                return r;
        token_source_form(&form, "grant_type", GRANT);
        r = token_source_form(&form, "assertion", assertion.data);
        return r < 0 ? r
                     : token_source_post(ask, "the token endpoint", self->c->token_url,
                                         "application/x-www-form-urlencoded", &form, NULL, ret, em);
}

static void key_free(struct token_source *s) {
        struct key_source *self = container_of(s, struct key_source, source);

        token_jwt_key_free(self->key);
        mem_free(s->what);
        mem_free(self);
}

static const struct token_source_ops key_ops = {.fetch = key_fetch, .free = key_free};

int token_key_new(const struct token_credentials *c, struct errmsg *em, struct token_source **ret) {
        struct key_source *self = mem_new(struct key_source);
        int r;

        if (!self)
                return -ENOMEM;
        self->source.ops = &key_ops;
        self->source.email = c->client_email;
        self->c = c;
        self->source.what = str_printf("the service account key of %s", c->client_email);
        r = self->source.what ? token_jwt_key(c->private_key, em, &self->key) : -ENOMEM;
        if (r < 0) {
                key_free(&self->source);
                return r;
        }
        *ret = &self->source;
        return 0;
}
