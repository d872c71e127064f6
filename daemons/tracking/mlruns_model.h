/* mlruns_model.h: logged models and registered models of an mlruns directory. */
#pragma once

#include "daemons/tracking/mlruns.h"

/* EXPERIMENT/models/ID */
int mlruns_model_logged(struct mlruns *m, const char *dir, const char *name, int64_t experiment_id);
/* models/NAME, with its versions and aliases. */
int mlruns_model_registered(struct mlruns *m, const char *dir, const char *name);
