/* metrics_api.h: the handlers of metrics; rows are in tracking_routes.def. */
#pragma once

struct ask;
struct http_request;

int metrics_api_log(struct http_request *req);
int metrics_api_history(struct http_request *req);
int metrics_api_history_bulk(struct http_request *req);
int metrics_api_history_bulk_interval(struct http_request *req);
int metrics_api_ask_history_bulk_interval(struct ask *q);
