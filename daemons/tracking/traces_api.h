/* traces_api.h: the handlers of traces and their tags; rows are in tracking_routes.def. */
#pragma once

struct http_request;

int traces_api_start(struct http_request *req);
int traces_api_info(struct http_request *req);
int traces_api_get(struct http_request *req);
int traces_api_batch_get(struct http_request *req);
int traces_api_batch_infos(struct http_request *req);
int traces_api_delete(struct http_request *req);
int traces_api_set_tag(struct http_request *req);
int traces_api_delete_tag(struct http_request *req);
int traces_api_link_run(struct http_request *req);
int traces_api_link_prompts(struct http_request *req);
