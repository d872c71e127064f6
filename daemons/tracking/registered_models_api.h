/* registered_models_api.h: the handlers of registered models and their aliases; rows are in
 * tracking_routes.def. */
#pragma once

struct http_request;

int registered_models_api_create(struct http_request *req);
int registered_models_api_get(struct http_request *req);
int registered_models_api_update(struct http_request *req);
int registered_models_api_rename(struct http_request *req);
int registered_models_api_delete(struct http_request *req);
int registered_models_api_search(struct http_request *req);
int registered_models_api_latest_versions(struct http_request *req);
int registered_models_api_set_tag(struct http_request *req);
int registered_models_api_delete_tag(struct http_request *req);
int registered_models_api_set_alias(struct http_request *req);
int registered_models_api_get_alias(struct http_request *req);
int registered_models_api_delete_alias(struct http_request *req);
