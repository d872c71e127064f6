/* Which tasks go with a choice of tasks: those before or after them, and the setups and teardowns
 * that they cannot do without, as Airflow's partial_subset() has it. Pure. */
#pragma once

#include "daemons/scheduler/core/dag.h"

/* chosen and ret: one for each task. 0 or -ENOMEM. */
int subset_of(const struct dag *d, const bool *chosen, bool with_upstream, bool with_downstream,
              bool *ret);
