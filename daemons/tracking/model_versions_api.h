/* model_versions_api.h: the handlers of model versions; rows are in tracking_routes.def. */
#pragma once

struct ask;
struct http_request;

int model_versions_api_create(struct http_request *req);
int model_versions_api_get(struct http_request *req);
int model_versions_api_update(struct http_request *req);
int model_versions_api_delete(struct http_request *req);
int model_versions_api_search(struct http_request *req);
int model_versions_api_ask_search(struct ask *q);
int model_versions_api_transition_stage(struct http_request *req);
int model_versions_api_download_uri(struct http_request *req);
int model_versions_api_set_tag(struct http_request *req);
int model_versions_api_delete_tag(struct http_request *req);
