/* db_mysql_lib.h: libmariadb, loaded when the first MySQL or MariaDB database is opened: programs
 * that use SQLite only do not pay for it, and need not have it. Private to lib/db. Threads: any. */
#pragma once

#include <mysql.h>

struct errmsg;

struct db_mysql_lib {
#define MY(f) typeof(f) *f;
#include "lib/db/db_mysql_lib.def"
#undef MY
};

/* All set once db_mysql_lib_load() has answered 0. */
extern struct db_mysql_lib db_mysql_lib;

/* -EPROTONOSUPPORT: it is not installed; `em` names the package. */
int db_mysql_lib_load(struct errmsg *em);
