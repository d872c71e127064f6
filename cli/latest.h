/* latest: which run is meant when none, or "latest", is named. */
#pragma once

#include "cli/cli.h"

/* name: a run's id, NULL or "latest". 0; -ENOENT with c->em when the pipeline has no runs. */
int latest_run(struct cli *c, const char *dag, const char *name, const char **ret_run);
/* Whether the pipeline has this run: 0, or -ENOENT with c->em, which says where a task's name goes.
 */
int latest_need(struct cli *c, const char *dag, const char *run);
