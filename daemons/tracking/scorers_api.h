/* scorers_api.h: scorers that clients register to judge traces. They are kept, not run: a scorer
 * that brings code of its own (call_source) is refused as by MLflow's server, unless
 * MLFLOW_SERVER_ENABLE_CUSTOM_SCORERS is true.
 */
#pragma once

struct http_request;

int scorers_api_register(struct http_request *req);
int scorers_api_list(struct http_request *req);
int scorers_api_versions(struct http_request *req);
int scorers_api_get(struct http_request *req);
int scorers_api_delete(struct http_request *req);
