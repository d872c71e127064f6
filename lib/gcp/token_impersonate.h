/* token_impersonate.h: another account's token, got with one's own from iamcredentials. */
#pragma once

#include "lib/gcp/token_source.h"

struct token_impersonate {
        const char *url;              /* …:generateAccessToken */
        const char *const *delegates; /* as the call wants them; NULL-terminated, may be NULL */
        int64_t lifetime_s;
};
/* inner becomes the new source's, also on failure. Strings are copied. */
int token_impersonate_new(const struct token_impersonate *o, struct token_source *inner,
                          struct token_source **ret);
/* By "target,delegate,…" (the last one is asked first). endpoint NULL = Google's. */
int token_impersonate_list_new(const char *list, const char *endpoint, struct token_source *inner,
                               struct errmsg *em, struct token_source **ret);
