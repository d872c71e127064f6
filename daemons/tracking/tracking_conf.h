/* tracking_conf.h: the configuration, completed from `mlflow server`'s environment. */
#pragma once

#include "daemons/tracking/access.h"
#include "lib/base/conf.h"
#include "lib/base/options.h"

struct arena;

struct tracking_conf {
#define CONF_KEY CONF_FIELD
#include "config/tracking.def"
#undef CONF_KEY
};

extern const struct options_daemon tracking_conf_daemon;

/* Fills in what neither command line nor file says: from the environment, else our defaults.
 * Afterwards host, port, backend_store_uri, default_artifact_root and artifacts_destination are
 * set. 0 or negative with `em`. */
int tracking_conf_complete(struct tracking_conf *conf, const struct paths *paths, struct arena *a,
                           struct errmsg *em);

/* What default_permission means. 0 or -EINVAL. */
int tracking_conf_default_level(const struct tracking_conf *conf, struct errmsg *em,
                                enum access_level *ret);
/* Must who asks be known? `managed`: started by the service manager. */
int tracking_conf_access(const struct tracking_conf *conf, bool managed, struct errmsg *em,
                         bool *ret_on);
