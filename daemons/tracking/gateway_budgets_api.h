/* gateway_budgets_api.h: the AI gateway's budgets: what may be spent on models in a window of time,
 * by all, at one endpoint or by one user. They are kept and shown here; MLflow's own server, which
 * asks the models, holds calls to them.
 */
#pragma once

struct http_request;

int gateway_budgets_api_create(struct http_request *req);
int gateway_budgets_api_get(struct http_request *req);
int gateway_budgets_api_list(struct http_request *req);
int gateway_budgets_api_update(struct http_request *req);
int gateway_budgets_api_delete(struct http_request *req);
int gateway_budgets_api_windows(struct http_request *req);
