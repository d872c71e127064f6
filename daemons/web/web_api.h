#pragma once
/* The front door's own answers: pages, login, health. Threads: the loop's; login and logout run on
 * a worker, since a password costs 50 ms. */
#include "daemons/web/asset.h"
#include "lib/auth/auth_audit.h"
#include "lib/auth/auth_check.h"
#include "lib/auth/auth_store.h"
#include "lib/net/http_client.h"
#include "lib/net/http_forward.h"
#include "lib/net/http_server.h"

struct web_api {
        struct http_server *server; /* for its metrics */
        struct http_client *client; /* asks the others whether they are ready */
        struct asset_dir *assets;
        struct auth_check *auth;
        struct auth_store *store; /* NULL: no users file */
        struct auth_audit *audit; /* NULL: no audit log */
        usec_t session_for;
        const char *state_dir;
        const char *scheduler_socket, *tracking_socket;
        bool draining;
};

extern const struct http_route web_api_routes[];
extern const size_t web_api_n_routes;

/* Where the FORWARD rows lead: set both before the server starts. */
extern struct http_forward_target web_api_scheduler, web_api_tracking;

/* http_server_options.before: identity and role, and the headers every answer of ours carries. */
int web_api_before(struct http_request *req);
/* http_forward_options.identify: tells the daemons behind who asks. */
int web_api_identify(struct http_request *req, struct http_forward_headers *h);
