/* bucketd_api.h: what is asked of the daemon itself. */
#pragma once

struct http_request;

int bucketd_api_health(struct http_request *req);
int bucketd_api_metrics(struct http_request *req);
/* What tests ask to go wrong, see chaos.h; 404 unless the daemon was started with faults = yes. */
int bucketd_api_faults_get(struct http_request *req);
int bucketd_api_faults_set(struct http_request *req);
int bucketd_api_faults_delete(struct http_request *req);
/* Calls of Cloud Storage that are not here: the row's data says why not; NULL: unknown. */
int bucketd_api_absent(struct http_request *req);
