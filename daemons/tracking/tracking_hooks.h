/* tracking_hooks.h: what happens around every request: who asks, and the audit log. */
#pragma once

#include "daemons/tracking/server_info_api.h"
#include "lib/net/http_server.h"

/* Finds out who asks and whether the row is for them; see lib/auth/auth_http.h. */
int tracking_hooks_before(struct http_request *req);

/* Writes changes to the audit log. The points of a run's metrics and the pieces of its artifacts
 * are its content, not changes to who owns what: they are left out. */
void tracking_hooks_done(struct http_request *req, int status, usec_t took_for);
