/* metrics_history.h: all points of one metric of a run, by time, step and value.
 *
 * SQLite would sort them for it, whatever their order; nearly always they come in order already by
 * the index by step, and sorting them is what costs the most. So they are read by that index and
 * sorted in memory (32 bytes a point, while it lasts) only where one comes too early. Servers sort.
 */
#pragma once

#include "daemons/tracking/metrics_sql.h"

/* Calls each() for at most `limit` points behind the first `offset`; neither is negative. The key
 * of a point is as the database has it. 0 or -errno. */
int metrics_history(struct db *db, const char *run_id, const char *key, int64_t limit,
                    int64_t offset, void (*each)(void *ctx, const struct metric *m), void *ctx);
