/* bucketd_api.h: what is asked of the daemon itself. */
#pragma once

struct http_request;

int bucketd_api_health(struct http_request *req);
int bucketd_api_metrics(struct http_request *req);
