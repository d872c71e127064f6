/* token_external.c: RFC 8693, as Google's STS wants it. */
#include "lib/gcp/token_external.h"

#include <errno.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/json_write.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/token_subject.h"

#define GRANT "urn:ietf:params:oauth:grant-type:token-exchange"
#define ACCESS_TOKEN "urn:ietf:params:oauth:token-type:access_token"

struct external_source {
        struct token_source source;
        const struct token_credentials *c;
};

static int add_options(const struct token_credentials *c, struct buf *form) {
        _cleanup_buf_ struct buf options = {};
        struct json_write w;
        int r;

        json_write_init(&w, &options, 0);
        json_write_object(&w);
        json_write_kv_str(&w, "userProject", c->workforce_project);
        json_write_end(&w);
        r = json_write_finish(&w);
        return r < 0 ? r : token_source_form(form, "options", options.data);
}

static int add_form(const struct token_credentials *c, const struct token_source_ask *ask,
                    const char *subject, struct buf *form) {
        token_source_form(form, "grant_type", GRANT);
        token_source_form(form, "audience", c->audience);
        token_source_form(form, "scope", ask->scopes);
        token_source_form(form, "requested_token_type", ACCESS_TOKEN);
        token_source_form(form, "subject_token_type", c->subject_type);
        if (c->client_id && c->client_secret) {
                token_source_form(form, "client_id", c->client_id);
                token_source_form(form, "client_secret", c->client_secret);
        } else if (c->workforce_project) {
                add_options(c, form);
        }
        return token_source_form(form, "subject_token", subject);
}

static int external_fetch(struct token_source *s, const struct token_source_ask *ask,
                          struct token_source_answer *ret, struct errmsg *em) {
        const struct token_credentials *c = container_of(s, struct external_source, source)->c;
        struct buf subject = {}, form = {};
        int r = token_subject_get(c, ask, &subject, em);

        if (r >= 0)
                r = add_form(c, ask, buf_cstr(&subject), &form);
        if (r >= 0)
                r = token_source_post(ask, "the token exchange", c->token_url,
                                      "application/x-www-form-urlencoded", &form, NULL, ret, em);
        if (subject.data)
                explicit_bzero(subject.data, subject.len);
        if (form.data)
                explicit_bzero(form.data, form.len);
        buf_done(&subject);
        buf_done(&form);
        return r;
}

static void external_free(struct token_source *s) {
        mem_free(s->what);
        mem_free(container_of(s, struct external_source, source));
}

static const struct token_source_ops external_ops = {
        .fetch = external_fetch,
        .free = external_free,
};

int token_external_new(const struct token_credentials *c, struct token_source **ret) {
        struct external_source *self = mem_new(struct external_source);

        if (!self)
                return -ENOMEM;
        self->source.ops = &external_ops;
        self->c = c;
        self->source.what = str_printf("the external account of %s", c->audience);
        if (!self->source.what) {
                mem_free(self);
                return -ENOMEM;
        }
        *ret = &self->source;
        return 0;
}
