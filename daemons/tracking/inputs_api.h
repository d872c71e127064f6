/* inputs_api.h: what runs read and made; rows are in tracking_routes.def. */
#pragma once

struct ask;
struct http_request;

int inputs_api_log(struct http_request *req);
int inputs_api_log_outputs(struct http_request *req);
int inputs_api_search_datasets(struct http_request *req);
int inputs_api_ask_search_datasets(struct ask *q);
