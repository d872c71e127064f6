#pragma once
/* The HTTP side of a python_server service, as Apache Liminal's: GET and POST on one path segment,
 * the body passed through untouched, 404 "Page not found.", favicon.ico 204, other methods 405.
 * Model scoring (/ping, /invocations) will be rows of the same table. Threads: the loop's. */
#include "daemons/serving/pyworker_pool.h"
#include "daemons/serving/service_conf.h"
#include "lib/net/http_server.h"

struct service_api {
        const struct service_conf *conf;
        struct pyworker_pool *pool;
        struct http_server *server; /* for its metrics */
        usec_t started_at;          /* CLOCK_BOOTTIME */
        bool draining;
};

/* The route rows; requests' ctx is a struct service_api. */
extern const struct http_route service_api_routes[];
extern const size_t service_api_n_routes;
