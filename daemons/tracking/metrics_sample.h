/* metrics_sample.h: some points of a long history: it is cut into even parts, and the first point
 * of each part, by step, time and value, stands for it. */
#pragma once

#include "daemons/tracking/metrics_sql.h"

struct arena;

/* At most n_max points between the two steps; their keys are not set. 0 or -errno. */
int metrics_sample(struct db *db, struct arena *a, const char *run_id, const char *key,
                   int64_t n_max, int64_t first_step, int64_t last_step, struct metric **ret,
                   size_t *ret_n);
