/* db_sqlite_pick.h: onebox_pick(text), a function of SQL that asks whoever runs the statement. */
#pragma once

#include <sqlite3.h>

#include "lib/base/macros.h"

struct db_sqlite_pick {
        bool (*pick)(void *ctx, const char *text, size_t n_bytes); /* NULL: nothing is picked */
        void *ctx;
};

/* `p` is as old as the connection. An SQLITE_… code. */
int db_sqlite_pick_init(struct db_sqlite_pick *p, sqlite3 *sqlite);
