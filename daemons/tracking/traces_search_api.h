/* traces_search_api.h: the handlers of searches for traces; rows are in tracking_routes.def. */
#pragma once

struct http_request;

int traces_search_api_search(struct http_request *req);
int traces_search_api_search_v2(struct http_request *req);
int traces_search_api_correlate(struct http_request *req);
