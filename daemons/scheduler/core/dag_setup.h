/* Setups and teardowns: who guards whom, and which ends are the run's. Pure. */
#pragma once

#include "daemons/scheduler/core/dag_keys.h"

/* Edges are known. Fills guards, guarded and leaves. 0 or -ENOMEM. */
int dag_setup_build(struct dag_reader *r, struct dag *d);
