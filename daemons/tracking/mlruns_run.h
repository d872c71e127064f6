/* mlruns_run.h: runs of an mlruns directory, with what they logged, read and made. */
#pragma once

#include "daemons/tracking/mlruns.h"

/* `dir` is the run's. One without a meta.yaml is none. */
int mlruns_run(struct mlruns *m, const char *dir, const char *name, int64_t experiment_id);

/* datasets/ of the experiment in `dir`. */
int mlruns_run_datasets(struct mlruns *m, const char *dir, int64_t experiment_id);
