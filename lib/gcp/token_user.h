/* token_user.h: tokens for a person's refresh token (gcloud auth application-default login). */
#pragma once

#include "lib/gcp/token_credentials.h"
#include "lib/gcp/token_source.h"

/* Borrows c, which outlives the source. */
int token_user_new(const struct token_credentials *c, struct token_source **ret);
