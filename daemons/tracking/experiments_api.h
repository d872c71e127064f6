/* experiments_api.h: the handlers of experiments; rows are in tracking_routes.def. */
#pragma once

struct ask;
struct http_request;

int experiments_api_create(struct http_request *req);
int experiments_api_get(struct http_request *req);
int experiments_api_ask_get(struct ask *q);
int experiments_api_get_by_name(struct http_request *req);
int experiments_api_search(struct http_request *req);
int experiments_api_update(struct http_request *req);
int experiments_api_delete(struct http_request *req);
int experiments_api_restore(struct http_request *req);
int experiments_api_set_tag(struct http_request *req);
int experiments_api_delete_tag(struct http_request *req);
