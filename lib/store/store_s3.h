/* store_s3.h: a store in a bucket of S3, or of anything that speaks its protocol. */
#pragma once

#include "lib/store/s3_config.h"
#include "lib/store/store.h"

/* "s3://BUCKET[/PATH]"; where and as whom: s3_config.h. Asks nobody. -EINVAL, -EACCES. */
int store_s3_open_given(const char *uri, const struct s3_config_given *given, struct errmsg *em,
                        struct store **ret_store);
int store_s3_open(const char *uri, struct errmsg *em, struct store **ret_store);
