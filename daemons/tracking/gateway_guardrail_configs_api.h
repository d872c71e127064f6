/* gateway_guardrail_configs_api.h: the AI gateway's guardrails at its endpoints, each with its
 * place in their order. Who may change an endpoint may do so; a scorer that he may not read is not
 * shown.
 */
#pragma once

struct http_request;

int gateway_guardrail_configs_api_add(struct http_request *req);
int gateway_guardrail_configs_api_remove(struct http_request *req);
int gateway_guardrail_configs_api_list(struct http_request *req);
int gateway_guardrail_configs_api_update(struct http_request *req);
