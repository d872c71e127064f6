/* logged_models_api.h: the handlers of logged models; rows are in tracking_routes.def. */
#pragma once

struct http_request;

int logged_models_api_create(struct http_request *req);
int logged_models_api_get(struct http_request *req);
int logged_models_api_search(struct http_request *req);
int logged_models_api_finalize(struct http_request *req);
int logged_models_api_delete(struct http_request *req);
int logged_models_api_set_tags(struct http_request *req);
int logged_models_api_delete_tag(struct http_request *req);
int logged_models_api_log_params(struct http_request *req);
