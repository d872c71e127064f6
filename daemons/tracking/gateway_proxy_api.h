/* gateway_proxy_api.h: MLflow's old way to an AI gateway: what the pages ask of it goes on to the
 * server that MLFLOW_DEPLOYMENTS_TARGET names, and nowhere else there than to its list of endpoints
 * and to one endpoint's invocations. Without a target there is a gateway without endpoints.
 *
 * Threads: the loop's.
 */
#pragma once

struct errmsg;
struct gateway_proxy;
struct http_request;
struct loop;

/* *ret NULL: there is no target. 0, -EINVAL with `em` (no URL) or -errno. */
int gateway_proxy_api_new(struct loop *l, struct errmsg *em, struct gateway_proxy **ret);
/* What is under way is answered with an error. NULL is fine. */
struct gateway_proxy *gateway_proxy_api_free(struct gateway_proxy *p);

int gateway_proxy_api_ask(struct http_request *req);
