/* store_s3.h: a store in a bucket of S3, or of anything that speaks its protocol. */
#pragma once

#include "lib/store/store.h"

/* "s3://BUCKET[/PATH]"; where and as whom: s3_config.h. Asks nobody. -EINVAL, -EACCES. */
int store_s3_open(const char *uri, struct errmsg *em, struct store **ret_store);

/* What tracking hands to clients that load up by themselves. Only for stores of store_s3_open(). */
bool store_s3_is(const struct store *s);
/* A URL good for valid_for that gets the object; a browser saves it under its own name. */
int store_s3_presign_get(struct store *s, const char *name, usec_t valid_for, char **ret_url,
                         struct errmsg *em);
/* An upload in parts that clients send: its id, and a URL for each part (from 1). */
int store_s3_multipart_create(struct store *s, const char *name, char **ret_id, struct errmsg *em);
int store_s3_multipart_url(struct store *s, const char *name, const char *id, unsigned part,
                           usec_t valid_for, char **ret_url, struct errmsg *em);
struct store_s3_part {
        unsigned number;
        const char *etag;
};
int store_s3_multipart_complete(struct store *s, const char *name, const char *id,
                                const struct store_s3_part *parts, size_t n, struct errmsg *em);
int store_s3_multipart_abort(struct store *s, const char *name, const char *id, struct errmsg *em);
