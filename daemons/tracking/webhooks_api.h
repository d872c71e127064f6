/* webhooks_api.h: the handlers of webhooks; rows are in tracking_routes.def. */
#pragma once

struct http_request;

int webhooks_api_create(struct http_request *req);
int webhooks_api_list(struct http_request *req);
int webhooks_api_get(struct http_request *req);
int webhooks_api_update(struct http_request *req);
int webhooks_api_delete(struct http_request *req);
int webhooks_api_test(struct http_request *req);
