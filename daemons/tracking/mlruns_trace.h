/* mlruns_trace.h: traces of an mlruns directory, with their assessments. */
#pragma once

#include "daemons/tracking/mlruns.h"

/* EXPERIMENT/traces/ID */
int mlruns_trace(struct mlruns *m, const char *dir, const char *name, int64_t experiment_id);
