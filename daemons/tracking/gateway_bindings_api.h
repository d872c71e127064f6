/* gateway_bindings_api.h: what hangs on the AI gateway's endpoints: models attached and detached,
 * the scorers that use them, and tags. */
#pragma once

struct http_request;

int gateway_bindings_api_attach(struct http_request *req);
int gateway_bindings_api_detach(struct http_request *req);
int gateway_bindings_api_create(struct http_request *req);
int gateway_bindings_api_list(struct http_request *req);
int gateway_bindings_api_delete(struct http_request *req);
int gateway_bindings_api_set_tag(struct http_request *req);
int gateway_bindings_api_delete_tag(struct http_request *req);
