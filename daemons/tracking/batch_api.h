/* batch_api.h: runs/log-batch: metrics, params and tags of a run in one transaction. */
#pragma once

struct http_request;

int batch_api_log(struct http_request *req);
