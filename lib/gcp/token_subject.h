/* token_subject.h: what an external account proves itself with: a token in a file, from a URL or
 * from a program. */
#pragma once

#include "lib/gcp/token_credentials.h"
#include "lib/gcp/token_source.h"

/* Wipe ret. */
int token_subject_get(const struct token_credentials *c, const struct token_source_ask *ask,
                      struct buf *ret, struct errmsg *em);
/* A program's answer (version, success, token_type, id_token or saml_response). Pure. */
int token_subject_parse_command(const char *text, size_t size, usec_t now_at, struct buf *ret,
                                struct errmsg *em);
