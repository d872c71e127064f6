/* gateway_secrets_api.h: the AI gateway's secrets: keys of providers. They come in, are sealed and
 * shown masked; no answer and no log ever has one. */
#pragma once

struct http_request;

int gateway_secrets_api_create(struct http_request *req);
int gateway_secrets_api_get(struct http_request *req);
int gateway_secrets_api_list(struct http_request *req);
int gateway_secrets_api_update(struct http_request *req);
int gateway_secrets_api_delete(struct http_request *req);
/* Can secrets be kept here? */
int gateway_secrets_api_config(struct http_request *req);
