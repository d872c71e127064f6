/* traces_v2_api.h: traces as clients before MLflow 3 tell of them: begun, then ended. */
#pragma once

struct http_request;

int traces_v2_api_start(struct http_request *req);
int traces_v2_api_end(struct http_request *req);
int traces_v2_api_info(struct http_request *req);
