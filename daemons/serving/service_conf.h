#pragma once
/* What one service is: the file services/NAME.json that the scheduler compiles from YAML.
 *
 *      {"name": "iris", "port": 8090, "cwd": "/…", "python": "/…/bin/python", "workers": 2,
 *       "endpoints": [{"endpoint": "/predict", "module": "serving", "function": "predict"}],
 *       "env": {"MODEL": "iris"}}
 * workers, env and port may be absent. Unknown keys are errors. Pure. */
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/errmsg.h"

/* Paths below it are the daemon's own: no endpoint may take them. */
#define SERVICE_CONF_RESERVED "/onebox"
#define SERVICE_CONF_WORKERS_MAX 64

struct service_conf_endpoint {
        const char *path; /* "/predict": one segment, or "/" */
        const char *module;
        const char *function;
};

struct service_conf {
        const char *name;
        uint16_t port; /* 0: any free */
        const char *cwd;
        const char *python;
        unsigned n_workers; /* 0: not said */
        struct service_conf_endpoint *endpoints;
        size_t n_endpoints;
        const char **env; /* "KEY=value", NULL-terminated */
};

/* text is copied; everything in *ret lives in the arena. 0; -EINVAL with em naming the key;
 * -ENOMEM. */
int service_conf_parse(struct arena *a, const char *text, size_t len, struct service_conf *ret,
                       struct errmsg *em);
/* The endpoint that answers a decoded path, or NULL. */
const struct service_conf_endpoint *service_conf_find(const struct service_conf *c,
                                                      const char *path);
