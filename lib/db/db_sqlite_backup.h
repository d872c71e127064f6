/* db_sqlite_backup.h: the online copy of a SQLite database. Private to lib/db. */
#pragma once

#include <sqlite3.h>

struct errmsg;

/* See db_backup(). `errno_of` maps SQLite's codes. */
int db_sqlite_backup(sqlite3 *from, const char *path, int (*errno_of)(int rc), struct errmsg *em);
