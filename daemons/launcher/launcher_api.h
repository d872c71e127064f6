/* launcher_api.h: the launcher's calls. Threads: the loop's. */
#pragma once

#include <sys/types.h>

#include "daemons/launcher/launcher_exec.h"
#include "lib/net/http_route.h"

/* The server's ctx. */
struct launcher_api {
        const struct launcher_conf *conf;
        struct launcher_exec *exec;
        uid_t client_uid;     /* the only peer that is answered, besides root */
        const char *own_user; /* fork mode: tasks run as this one; NULL: as their own user */
};

extern const struct http_route launcher_api_routes[];
extern const size_t launcher_api_n_routes;

/* The server's before hook: refuses every peer but the scheduler. */
int launcher_api_before(struct http_request *req);

#define ROUTE(method, path, handler, what) int handler(struct http_request *req);
#include "daemons/launcher/launcher_routes.def"
#undef ROUTE
