/* gateway_providers_api.h: whose models the AI gateway knows, and what each of them wants of who
 * asks: what MLflow's page for a new endpoint begins with. Models are written by hand there: MLflow
 * brings a catalog of thousands of them, with prices, which is not here.
 */
#pragma once

struct http_request;

int gateway_providers_api_list(struct http_request *req);
int gateway_providers_api_config(struct http_request *req);
