/* db_sqlite_wal.h: how long a connection's write-ahead log is, and moving it into the file. */
#pragma once

#include <sqlite3.h>

#include "lib/base/macros.h"

/* Part of its connection; every commit sets n_pages. */
struct db_sqlite_wal {
        size_t n_pages; /* in the log as of the last commit */
        size_t limit;   /* a commit that finds so many moves them itself */
};

void db_sqlite_wal_init(struct db_sqlite_wal *w, sqlite3 *sqlite);

/* Moves what no reader needs, waits for nobody: an SQLite answer. *ret_left: pages still to move.
 */
int db_sqlite_wal_checkpoint(sqlite3 *sqlite, size_t *ret_left);
