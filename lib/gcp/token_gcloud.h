/* token_gcloud.h: the token of whoever is logged in with the gcloud command. */
#pragma once

#include "lib/gcp/token_source.h"

int token_gcloud_new(struct token_source **ret);
