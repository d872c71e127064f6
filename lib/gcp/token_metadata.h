/* token_metadata.h: the token of the machine's own service account. */
#pragma once

#include "lib/gcp/token_source.h"

int token_metadata_new(struct token_source **ret);
