/* metrics_samples.h: the samples of several runs (metrics_sample.h), each with the last point of
 * all behind it. Where the first shows that they are long, several threads read them, each with a
 * connection of its own.
 */
#pragma once

#include "daemons/tracking/metrics_sample.h"
#include "lib/base/arena.h"

struct db_readers;

struct metrics_samples {
        struct metric *points; /* at most n_max; their keys are not set */
        size_t n;
        struct arena arena; /* theirs */
};

/* Of `n` runs into as many of `ret`, which are zeroed. `db` is this thread's reader, in a
 * transaction. 0 or -errno; both are done with afterwards. */
int metrics_samples_read(struct db_readers *readers, struct db *db, const struct metrics_sample *of,
                         const char *const *run_ids, size_t n, struct metrics_samples *ret);
void metrics_samples_done(struct metrics_samples *samples, size_t n);
