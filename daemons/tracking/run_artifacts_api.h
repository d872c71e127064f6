/* run_artifacts_api.h: artifacts by the run, model version or logged model they belong to; rows are
 * in tracking_routes.def. */
#pragma once

struct ask;
struct http_request;

int run_artifacts_api_list(struct http_request *req);
int run_artifacts_api_ask_list(struct ask *q);
int run_artifacts_api_get(struct http_request *req);
int run_artifacts_api_upload(struct http_request *req);
/* URLs for clients that load by themselves, of runs whose artifacts are in a bucket of their own.
 */
int run_artifacts_api_upload_url(struct http_request *req);
int run_artifacts_api_download_url(struct http_request *req);
int run_artifacts_api_of_version(struct http_request *req);
int run_artifacts_api_list_model(struct http_request *req);
int run_artifacts_api_of_model(struct http_request *req);
