/* scheduler_db.h: scheduler.db: its tables, its statement sets, and how values go in and out.
 *
 * Moments are µs since 1970, NULL for USEC_INFINITY. The loop's thread owns the one writing
 * connection; readers have their own (db_readers.h) with the same statements. */
#pragma once

#include "daemons/scheduler/core/dag.h"
#include "lib/db/db.h"

/* Every set, in no order; db_config.sets. */
extern const struct db_set *const scheduler_db_sets[];
extern const size_t scheduler_db_n_sets;

/* Opens `uri` for writing, brings its tables up to date, prepares all statements. */
int scheduler_db_open(const char *uri, usec_t now, struct errmsg *em, struct db **ret_db);

/* The same in two steps, the second on an open database. */
int scheduler_db_prepare(struct db *db, usec_t now, struct errmsg *em);

void scheduler_db_bind_at(struct db_stmt *s, int param, usec_t at);
usec_t scheduler_db_col_at(struct db_stmt *s, int col);
/* NULL for "". */
void scheduler_db_bind_word(struct db_stmt *s, int param, const char *word);
