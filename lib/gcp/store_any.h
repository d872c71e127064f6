/* store_any.h: a store by the scheme of where it is. */
#pragma once

#include "lib/gcp/conn_credentials.h"
#include "lib/store/store.h"

/* gs:// or s3://: objects of a bucket. */
bool store_any_is_bucket(const char *uri);
/* gs://BUCKET[/PATH], s3://BUCKET[/PATH], or the path of a directory that is there. Everything else
 * with a scheme is -EPROTONOSUPPORT; em says what would be right. given: whose credentials
 * (-EINVAL: those of the other cloud); else the machine's own. */
int store_any_open_given(const char *uri, const struct conn_credentials *given, struct errmsg *em,
                         struct store **ret);
int store_any_open(const char *uri, struct errmsg *em, struct store **ret);
