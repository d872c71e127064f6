/* metrics_history.h: all points of one metric of a run, by time, step and value.
 *
 * SQLite would sort them for it, whatever their order; nearly always they come in order already by
 * the index by step, and sorting them is what costs the most. So they are read by that index and
 * sorted in memory (32 bytes a point, while it lasts) only where one comes too early. Of many, what
 * has come so far is told by a thread while more are read. Servers sort.
 */
#pragma once

#include "daemons/tracking/metrics_sql.h"

/* Who is told. Called by one thread at a time, which may be another than the caller's. */
struct metrics_history_to {
        void (*each)(void *ctx, const struct metric *m);
        /* Whatever was told is to be forgotten: one came too early, all are told again. */
        void (*again)(void *ctx);
        void *ctx;
};

/* Tells at most `limit` points behind the first `offset`; neither is negative. The key of a point
 * is as the database has it. 0 or -errno: then what was told is worth nothing. */
int metrics_history(struct db *db, const char *run_id, const char *key, int64_t limit,
                    int64_t offset, const struct metrics_history_to *to);
