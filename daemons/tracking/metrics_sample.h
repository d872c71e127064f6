/* metrics_sample.h: some points of a long history: it is cut into even parts, and the first point
 * of each part, by step, time and value, stands for it. */
#pragma once

#include "daemons/tracking/metrics_sql.h"

struct arena;

struct metrics_sample {
        const char *key;
        int64_t n_max, first_step, last_step;
};

/* How many there are, if their steps are as even as the first two and last_step is the last one's;
 * 0: none, or who knows. SQLite's. 0 or -errno. */
int metrics_sample_guess(struct db *db, const char *run_id, const struct metrics_sample *of,
                         int64_t *ret_n);

/* At most n_max points between the two steps; their keys are not set. *ret_n_passed: points that
 * were passed on the way, as far as is known. 0 or -errno. */
int metrics_sample(struct db *db, struct arena *a, const char *run_id,
                   const struct metrics_sample *of, struct metric **ret, size_t *ret_n,
                   int64_t *ret_n_passed);
