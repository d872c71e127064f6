/* token_metadata.c: a server that is not there yet is waited for; a machine without a service
 * account is told so. */
#include "lib/gcp/token_metadata.h"

#include <errno.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/gcp/metadata.h"
#include "lib/gcp/token_answer.h"

static void commas(char *s) {
        for (; *s; s++)
                if (*s == ' ')
                        *s = ',';
}

static int metadata_fetch(struct token_source *s, const struct token_source_ask *ask,
                          struct token_source_answer *ret, struct errmsg *em) {
        _cleanup_free_ char *path = str_printf("%s?scopes=%s", METADATA_TOKEN, ask->scopes);
        char *body;
        int r;

        (void) s;
        if (!path)
                return -ENOMEM;
        commas(path);
        r = metadata_get(ask->http, path, 0, &body, em);
        if (r == -ENOENT)
                return errmsg_fail(em, r,
                                   "the metadata server knows no service account of this machine: "
                                   "attach one, or name a credentials file");
        if (r < 0)
                return r;
        r = token_answer_parse(body, strlen(body), clock_now(ask->clock), &ret->text,
                               &ret->expires_at, em);
        mem_free_secret(body, strlen(body));
        if (r < 0)
                errmsg_prefix(em, "metadata server %s", metadata_host());
        return r;
}

static void metadata_free(struct token_source *s) {
        mem_free(s->what);
        mem_free(s);
}

static const struct token_source_ops metadata_ops = {
        .fetch = metadata_fetch,
        .free = metadata_free,
};

int token_metadata_new(struct token_source **ret) {
        struct token_source *s = mem_new(struct token_source);

        if (!s)
                return -ENOMEM;
        s->ops = &metadata_ops;
        s->what = str_printf("the metadata server (%s)", metadata_host());
        if (!s->what) {
                mem_free(s);
                return -ENOMEM;
        }
        *ret = s;
        return 0;
}
