/* db_postgres_lib.h: libpq, loaded when the first PostgreSQL database is opened: programs that use
 * SQLite only do not pay for it, and need not have it. Private to lib/db. Threads: any. */
#pragma once

#include <libpq-fe.h>

struct errmsg;

struct db_postgres_lib {
#define PQ(f) typeof(f) *f;
#include "lib/db/db_postgres_lib.def"
#undef PQ
};

/* All set once db_postgres_lib_load() has answered 0. */
extern struct db_postgres_lib db_postgres_lib;

/* -EPROTONOSUPPORT: it is not installed; `em` names the package. */
int db_postgres_lib_load(struct errmsg *em);
