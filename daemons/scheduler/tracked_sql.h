/* tracked_sql.h: the table tracked: what tracking has to hear of tries whose run it does not have
 * yet, from the transaction in which they left the queue until it was told. Threads: the
 * connection's. */
#pragma once

#include "lib/base/macros.h"
#include "lib/db/db.h"

extern const struct db_set tracked_sql_set;

/* What is there already stays. */
int tracked_sql_insert(struct db *db, const char *try_id, const char *body);
int tracked_sql_delete(struct db *db, const char *try_id);
