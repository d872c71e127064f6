/* db_checkpoint.h: a thread that moves SQLite's write-ahead log into the file while others write.
 *
 * A commit that had to do it would stand still for as long as thousands of pages take. The thread
 * moves them beside it; what has come meanwhile is few, its writer moves that itself between two
 * batches, and then the log begins anew. A log that grows all the same (a reader holds it, the disk
 * is too slow) is moved by a commit as ever, at DB_CHECKPOINT_LIMIT.
 *
 * Owns: a thread and a connection, both made when the log is long for the first time.
 * Threads: called by the writer's alone. */
#pragma once

#include "lib/base/macros.h"

struct db;
struct db_checkpoint;

enum {
        DB_CHECKPOINT_START = 2000,  /* pages: the thread begins */
        DB_CHECKPOINT_LIMIT = 32000, /* pages: 125 MiB, a commit does it */
};

/* `db` is the writer's and outlives it. Nothing for an engine without such a log: NULL is fine for
 * all others. -ENOMEM. */
int db_checkpoint_new(struct db *db, struct db_checkpoint **ret);
struct db_checkpoint *db_checkpoint_free(struct db_checkpoint *c);

/* After each batch, outside of a transaction. */
void db_checkpoint_look(struct db_checkpoint *c);
