/* artifact_parts_api.h: transfers that clients make with the bucket themselves, by URLs that this
 * server signs: uploads in parts, downloads. Where the store is no such bucket: 501. */
#pragma once

struct http_request;

int artifact_parts_api_create(struct http_request *req);
int artifact_parts_api_complete(struct http_request *req);
int artifact_parts_api_abort(struct http_request *req);
int artifact_parts_api_presigned(struct http_request *req);
