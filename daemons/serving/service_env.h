#pragma once
/* The environment of a service's Python workers: the daemon's, overlaid by the service's own
 * variables, and the list of endpoints. Pure. */
#include "daemons/serving/service_conf.h"

/* base: "KEY=value", NULL-terminated. Variables of the service manager's protocols are left out,
 * and those of `extra` (the same form) stand where neither the service nor base has them.
 * Everything lives in the arena. 0 or -ENOMEM. */
int service_env_make(struct arena *a, const struct service_conf *c, const char *const *base,
                     const char *const *extra, const char *const **ret);
