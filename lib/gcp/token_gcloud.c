/* token_gcloud.c: gcloud's config-helper, asked for an hour at least. */
#include "lib/gcp/token_gcloud.h"

#include <errno.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/timestamp.h"
#include "lib/gcp/token_command.h"

#define GCLOUD_FOR USEC_PER_MINUTE

static int take(char *text, size_t size, struct arena *arena, struct token_source_answer *ret,
                struct errmsg *em) {
        const struct json *credential;
        const char *token, *until;
        usec_t expires_at = 0;
        struct json *root;
        int r = json_parse(arena, text, size, &root, NULL);

        if (r == -ENOMEM)
                return r;
        credential = r < 0 ? NULL : json_get(root, "credential");
        if (json_str(json_get(credential, "access_token"), &token) != 0 || !*token)
                return errmsg_fail(em, -EACCES,
                                   "gcloud gives no access token: run \"gcloud auth login\"");
        if (json_str(json_get(credential, "token_expiry"), &until) == 0 &&
            timestamp_parse(until, &expires_at) < 0)
                return errmsg_fail(em, -EPROTO, "gcloud's \"token_expiry\" is not a time");
        ret->text = mem_strdup(token);
        ret->expires_at = expires_at;
        return ret->text ? 0 : -ENOMEM;
}

static int gcloud_fetch(struct token_source *s, const struct token_source_ask *ask,
                        struct token_source_answer *ret, struct errmsg *em) {
        static const char *const argv[] = {"gcloud",        "--format",     "json", "config",
                                           "config-helper", "--min-expiry", "1h",   NULL};
        struct token_command c = {.argv = argv, .total_for = GCLOUD_FOR, .http = ask->http};
        struct buf out = {};
        struct arena arena;
        int r;

        (void) s;
        arena_init(&arena, 0);
        r = token_command_run(&c, &out, em);
        if (r >= 0)
                r = out.len > 0 ? take(out.data, out.len, &arena, ret, em)
                                : errmsg_fail(em, -EACCES, "gcloud answers nothing");
        if (out.data)
                explicit_bzero(out.data, out.len);
        buf_done(&out);
        arena_done(&arena);
        return r;
}

static void gcloud_free(struct token_source *s) {
        mem_free(s->what);
        mem_free(s);
}

static const struct token_source_ops gcloud_ops = {.fetch = gcloud_fetch, .free = gcloud_free};

int token_gcloud_new(struct token_source **ret) {
        struct token_source *s = mem_new(struct token_source);

        if (!s)
                return -ENOMEM;
        s->ops = &gcloud_ops;
        s->what = mem_strdup("the gcloud command");
        if (!s->what) {
                mem_free(s);
                return -ENOMEM;
        }
        *ret = s;
        return 0;
}
