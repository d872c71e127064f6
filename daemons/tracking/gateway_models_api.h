/* gateway_models_api.h: the AI gateway's model definitions: a provider's model and the secret to
 * use it with. They are kept, shown and bound here; asking a model is left to MLflow's own server.
 */
#pragma once

struct gateway_model;
struct http_request;
struct json_write;

int gateway_models_api_create(struct http_request *req);
int gateway_models_api_get(struct http_request *req);
int gateway_models_api_list(struct http_request *req);
int gateway_models_api_update(struct http_request *req);
int gateway_models_api_delete(struct http_request *req);

/* The fields of one, into an object that is open. */
void gateway_models_api_write(struct json_write *w, const struct gateway_model *x);
