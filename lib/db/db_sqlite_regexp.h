/* db_sqlite_regexp.h: `text REGEXP pattern` (lib/base/pattern.h), which SQLite leaves to others. */
#pragma once

#include <sqlite3.h>

/* An SQLITE_… code. */
int db_sqlite_regexp_init(sqlite3 *sqlite);
