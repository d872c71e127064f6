/* webhook_deliveries_api.h: the handler of what a webhook was told; ours, not MLflow's. */
#pragma once

struct http_request;

int webhook_deliveries_api_list(struct http_request *req);
