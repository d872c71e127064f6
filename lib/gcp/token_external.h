/* token_external.h: workload identity: a foreign token is exchanged at Google's STS. */
#pragma once

#include "lib/gcp/token_credentials.h"
#include "lib/gcp/token_source.h"

/* Borrows c, which outlives the source. Impersonation on top of it is the caller's. */
int token_external_new(const struct token_credentials *c, struct token_source **ret);
