/* db_migrate.h: brings a database's tables to the version this program knows. Forward only.
 *
 * The version stands in the table schema_version(version, applied_at_usec), one row a migration.
 */
#pragma once

#include "lib/base/macros.h"

struct db;
struct errmsg;

struct db_migration {
        int version;     /* 1, 2, 3, … without gaps */
        const char *sql; /* a script, no transaction control; {a|b|c} as in db_sql.h */
};

/* Applies what is missing, all in one transaction. `now_at` is for the record.
 * -ENOTSUP: the database is newer than this program; `em` says the remedy. */
int db_migrate(struct db *db, const struct db_migration *rows, size_t n_rows, usec_t now_at,
               struct errmsg *em);

/* The version the database has, 0 for none. */
int db_migrate_get_version(struct db *db, int *ret_version);
