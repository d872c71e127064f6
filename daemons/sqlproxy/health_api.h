/* health_api: /startup, /readiness, /liveness, with cloud-sql-proxy's answers.
 *
 * Readiness is the last known state of each instance. Where nothing is known, or it is older than
 * HEALTH_API_KNOWN_FOR, the question itself causes one dial (one at a time for each listener),
 * whose end it awaits for a moment: so nobody asks a dead instance more often than that. */
#pragma once

#include "daemons/sqlproxy/proxy.h"
#include "lib/net/http_request.h"

#define HEALTH_API_KNOWN_FOR (10 * USEC_PER_SEC)
#define HEALTH_API_WAIT_FOR (3 * USEC_PER_SEC)

int health_api_startup(struct http_request *req);
int health_api_readiness(struct http_request *req);
int health_api_liveness(struct http_request *req);
