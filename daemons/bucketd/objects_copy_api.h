/* objects_copy_api.h: calls that make objects of others. No byte is copied: segments are shared. */
#pragma once

struct http_request;

int objects_copy_api_compose(struct http_request *req);
/* rewriteTo is done in one call, always. */
int objects_copy_api_rewrite(struct http_request *req);
int objects_copy_api_copy(struct http_request *req);
/* Within a bucket, and the source is gone by the same commit. */
int objects_copy_api_move(struct http_request *req);
