/* store_gcs_upload.h: a resumable upload, part by part. */
#pragma once

#include "lib/gcp/store_gcs_call.h"
#include "lib/store/store.h"

struct store_gcs_upload;

/* An answer that is an object. */
int store_gcs_upload_answer(const struct http_fetch_answer *a, struct store_info *ret,
                            struct errmsg *em);

int store_gcs_upload_begin(const struct store_gcs_call *c, const char *name,
                           struct store_gcs_upload **ret, struct errmsg *em);
/* n: a multiple of 256 KiB but for the last one. */
int store_gcs_upload_part(const struct store_gcs_call *c, struct store_gcs_upload *u,
                          const void *data, size_t n, bool is_last, struct errmsg *em);
/* After the last part; -EIO: the service has other bytes than were sent (the object is deleted). */
int store_gcs_upload_end(const struct store_gcs_call *c, struct store_gcs_upload *u,
                         struct store_info *ret, struct errmsg *em);
void store_gcs_upload_abort(const struct store_gcs_call *c, struct store_gcs_upload *u);
