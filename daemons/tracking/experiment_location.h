/* experiment_location.h: where an experiment's artifacts go when its maker says so. Pure but for
 * the working directory. */
#pragma once

#include "daemons/tracking/refusal.h"

/* A location is a URI that artifacts can be put below; one that names a host names that of
 * `artifact_root`. NULL and "" are none. 0, REFUSED or -ENOMEM. */
int experiment_location_check(struct refusal *r, const char *location, const char *artifact_root);

/* A relative directory counts from where the server was started. 0, REFUSED or -ENOMEM. */
int experiment_location_resolve(struct refusal *r, const char **location);
