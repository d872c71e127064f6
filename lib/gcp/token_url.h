/* token_url.h: somebody else's server gives the token: GET URL, or GET / on a Unix socket. */
#pragma once

#include "lib/gcp/token_source.h"

/* http://, https://, unix:///PATH[?QUERY]. -EINVAL: another. */
int token_url_new(const char *url, struct errmsg *em, struct token_source **ret);
