/* webhook_url.h: which URLs webhooks may have. Who may make webhooks could make this server call
 * what only it can reach: as MLflow's, it calls public addresses only, over https, unless
 * MLFLOW_WEBHOOK_ALLOWED_SCHEMES and MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS say else. The connection is
 * looked at again when it is made (http_client.h), because a name may mean another address then.
 */
#pragma once

#include "daemons/tracking/refusal.h"

bool webhook_url_private_allowed(void);

/* 0, REFUSED or -ENOMEM. A name is looked up: on a worker's thread. One that cannot be resolved
 * here and now is taken. */
int webhook_url_check(struct refusal *r, const char *url);

/* The same for where the gateway's provider is to be asked:
 * MLFLOW_GATEWAY_API_BASE_ALLOWED_SCHEMES, MLFLOW_GATEWAY_API_BASE_ALLOW_PRIVATE_IPS. */
int webhook_url_check_api_base(struct refusal *r, const char *url);
