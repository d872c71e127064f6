/* store_any.h: a store by the scheme of where it is. */
#pragma once

#include "lib/store/store.h"

/* gs:// or s3://: objects of a bucket. */
bool store_any_is_bucket(const char *uri);
/* gs://BUCKET[/PATH], s3://BUCKET[/PATH], or the path of a directory that is there. Everything else
 * with a scheme is -EPROTONOSUPPORT; em says what would be right. */
int store_any_open(const char *uri, struct errmsg *em, struct store **ret);
