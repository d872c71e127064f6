/* secrets_sql.h: the table secrets: variables and connections, values sealed. Threads: the
 * connection's. */
#pragma once

#include "lib/db/db.h"

struct arena;

extern const struct db_set secrets_sql_set;

struct secrets_sql_row {
        const char *kind; /* "variable", "connection" */
        const char *name;
        const char *type;        /* of a connection; or NULL */
        const char *description; /* or NULL */
        const char *value;       /* sealed */
};

int secrets_sql_put(struct db *db, const struct secrets_sql_row *row);
/* 0 and the row in the arena; 1: there is none. */
int secrets_sql_get(struct db *db, const char *kind, const char *name, struct arena *a,
                    struct secrets_sql_row *ret);
/* 0, or 1: there was none. */
int secrets_sql_delete(struct db *db, const char *kind, const char *name);
int secrets_sql_each(struct db *db, struct arena *a,
                     int (*each)(void *ctx, const struct secrets_sql_row *row), void *ctx);
