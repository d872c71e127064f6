/* buckets_api.h: the JSON API's calls on buckets. */
#pragma once

#include "lib/base/macros.h"

struct bucketd;
struct errmsg;
struct http_request;

int buckets_api_list(struct http_request *req);
int buckets_api_insert(struct http_request *req);
int buckets_api_get(struct http_request *req);
int buckets_api_patch(struct http_request *req);
int buckets_api_update(struct http_request *req);
int buckets_api_delete(struct http_request *req);
int buckets_api_lock(struct http_request *req);
int buckets_api_storage_layout(struct http_request *req);
/* Always none. */
int buckets_api_notifications(struct http_request *req);

/* At the start: the bucket is there afterwards. Blocks. */
int buckets_api_ensure(struct bucketd *d, const char *name, struct errmsg *em);
