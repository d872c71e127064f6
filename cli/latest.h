/* latest: which run is meant when none, or "latest", is named. */
#pragma once

#include "cli/cli.h"

/* name: a run's id, NULL or "latest". 0; -ENOENT with c->em when the pipeline has no runs. */
int latest_run(struct cli *c, const char *dag, const char *name, const char **ret_run);
