/* db_sqlite_budget.h: how long a connection's statements may take. Private to lib/db. */
#pragma once

#include <sqlite3.h>

#include "lib/base/macros.h"

/* Part of its connection. */
struct db_sqlite_budget {
        sqlite3 *sqlite;
        usec_t until;     /* monotonic, 0 = none */
        usec_t cpu_until; /* of the thread's own time, 0 = none */
        bool is_over;     /* what was interrupted was so by us */
};

void db_sqlite_budget_init(struct db_sqlite_budget *b, sqlite3 *sqlite);
/* As db_set_budget() and db_set_effort(). */
void db_sqlite_budget_set(struct db_sqlite_budget *b, usec_t budget_for);
void db_sqlite_budget_set_cpu(struct db_sqlite_budget *b, usec_t cpu_for);
