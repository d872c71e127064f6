/* machine.h: what this machine has, as far as it decides about tasks. Threads: any. */
#pragma once

#include "daemons/scheduler/core/world.h"
#include "lib/base/errmsg.h"

/* Tasks at once, where nobody has said: 8, and 4 more for each processor beyond the first, at most
 * 64. */
unsigned machine_parallelism(void);

/* Counted resources into the world: the graphics cards found here as "gpu", then name=number of the
 * configuration, which may say "gpu" otherwise. -EINVAL with *em; -ENOMEM. */
int machine_resources(char *const *words, struct world *w, struct errmsg *em);
