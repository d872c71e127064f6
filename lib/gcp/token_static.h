/* token_static.h: a given token, or none at all. */
#pragma once

#include "lib/gcp/token_source.h"

/* text NULL: anonymous. -EINVAL: not a token (em does not quote it). */
int token_static_new(const char *text, struct errmsg *em, struct token_source **ret);
