/* runs_api.h: the handlers of runs and their tags; rows are in tracking_routes.def. */
#pragma once

struct ask;
struct http_request;

int runs_api_create(struct http_request *req);
int runs_api_get(struct http_request *req);
int runs_api_ask_get(struct ask *q);
int runs_api_search(struct http_request *req);
int runs_api_ask_search(struct ask *q);
int runs_api_update(struct http_request *req);
int runs_api_delete(struct http_request *req);
int runs_api_restore(struct http_request *req);
int runs_api_log_parameter(struct http_request *req);
int runs_api_set_tag(struct http_request *req);
int runs_api_delete_tag(struct http_request *req);
/* The deprecated way to say that a run holds a model: kept as a tag. */
int runs_api_log_model(struct http_request *req);
