/* gateway_endpoints_api.h: the AI gateway's endpoints: which models answer under one name. They are
 * kept, shown and bound here; asking a model is left to MLflow's own server. */
#pragma once

struct http_request;

int gateway_endpoints_api_create(struct http_request *req);
int gateway_endpoints_api_get(struct http_request *req);
int gateway_endpoints_api_list(struct http_request *req);
int gateway_endpoints_api_update(struct http_request *req);
int gateway_endpoints_api_delete(struct http_request *req);
