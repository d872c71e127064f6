/* probe_try: what runs inside the try of a connection's test: fetches the connection with the try's
 * own token, tries it, and reports. */
#pragma once

#include "cli/cli.h"

/* 0, also when the connection is bad: that is an answer; negative with c->em when it could not be
 * given. */
int probe_try_run(struct cli *c);
