/* token_key.h: tokens for a service account key: a signed assertion is exchanged at its token_uri.
 */
#pragma once

#include "lib/gcp/token_credentials.h"
#include "lib/gcp/token_source.h"

/* Borrows c, which outlives the source. -EINVAL: the private key is none. */
int token_key_new(const struct token_credentials *c, struct errmsg *em, struct token_source **ret);
