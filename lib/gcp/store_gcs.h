/* store_gcs.h: a store in a bucket of Google Cloud Storage. The etag of an object is its
 * generation. Uploads are resumed where they broke off; the checksum of what the service has is
 * compared with that of what was sent, and of what is read with what the service says. */
#pragma once

#include "lib/store/store.h"

struct token_options;

/* "gs://BUCKET[/PATH]"; where and as whom: store_gcs_call.h. Asks nobody. */
int store_gcs_open_given(const char *uri, const struct token_options *given, struct errmsg *em,
                         struct store **ret_store);
int store_gcs_open(const char *uri, struct errmsg *em, struct store **ret_store);
