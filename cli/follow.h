/* follow: shows a run as it happens, one line a change; with --json only the run as it ended. */
#pragma once

#include "cli/cli.h"

/* Until the run has ended: 0 when it succeeded, CLI_BAD when not; negative with c->em set. When the
 * scheduler goes away meanwhile it waits for it to come back (onebox up restarts it), a minute at
 * most. */
int follow_run(struct cli *c, const char *dag, const char *run);
