/* token_make.h: from what the caller asked for to the source that gives it; the order of the
 * Application Default Credentials stands here. */
#pragma once

#include "lib/gcp/token.h"
#include "lib/gcp/token_credentials.h"
#include "lib/gcp/token_source.h"

struct token_made {
        struct token_source *source;
        struct token_credentials_file *file; /* what the source borrows; NULL when nothing */
};

int token_make(const struct token_options *o, struct errmsg *em, struct token_made *ret);
void token_make_done(struct token_made *m);
