/* token_static.c: nothing is asked for and nothing ends. */
#include "lib/gcp/token_static.h"

#include <errno.h>
#include <string.h>

#include "lib/base/mem.h"

struct static_source {
        struct token_source source;
        char *text;
};

static int static_fetch(struct token_source *s, const struct token_source_ask *ask,
                        struct token_source_answer *ret, struct errmsg *em) {
        const char *text = container_of(s, struct static_source, source)->text;

        (void) ask;
        (void) em;
        ret->text = mem_strdup(text);
        ret->expires_at = 0;
        return text && !ret->text ? -ENOMEM : 0;
}

static void static_free(struct token_source *s) {
        struct static_source *self = container_of(s, struct static_source, source);

        if (self->text)
                mem_free_secret(self->text, strlen(self->text));
        mem_free(s->what);
        mem_free(self);
}

static const struct token_source_ops static_ops = {.fetch = static_fetch, .free = static_free};

static bool is_token(const char *s) {
        if (!*s)
                return false;
        for (; *s; s++)
                if (*s <= 0x20 || *s >= 0x7f)
                        return false;
        return true;
}

int token_static_new(const char *text, struct errmsg *em, struct token_source **ret) {
        struct static_source *self;

        if (text && !is_token(text))
                return errmsg_fail(em, -EINVAL, "the given token is empty or has blanks in it");
        self = mem_new(struct static_source);
        if (!self)
                return -ENOMEM;
        self->source.ops = &static_ops;
        self->source.is_fixed = true;
        self->source.what = mem_strdup(text ? "a given token" : "anonymous");
        self->text = mem_strdup(text);
        if (!self->source.what || (text && !self->text)) {
                static_free(&self->source);
                return -ENOMEM;
        }
        *ret = &self->source;
        return 0;
}
