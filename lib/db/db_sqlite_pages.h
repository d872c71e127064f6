/* db_sqlite_pages.h: how much of the file a connection keeps in memory. Private to lib/db. */
#pragma once

#include <sqlite3.h>
#include <stddef.h>

/* At most so much as the flags say (DB_FEW_PAGES), filled as needed. SQLite's code. */
int db_sqlite_pages_limit(sqlite3 *sqlite, unsigned flags);
/* Gives back all that no statement holds: how many bytes. */
size_t db_sqlite_pages_trim(sqlite3 *sqlite);
