/* pools_sql.h: the table pools: those that people made or changed. Threads: the connection's. */
#pragma once

#include <stdbool.h>

#include "lib/db/db.h"

extern const struct db_set pools_sql_set;

struct pools_sql_row {
        const char *name;
        unsigned n_slots; /* WORLD_SLOTS_INFINITE: no limit, stored as -1 */
        bool include_deferred;
        const char *description; /* or NULL */
};

int pools_sql_put(struct db *db, const struct pools_sql_row *row);
int pools_sql_delete(struct db *db, const char *name);
/* The description in the arena; NULL without one, or without a row. */
int pools_sql_description(struct db *db, const char *name, struct arena *a, const char **ret);
int pools_sql_each(struct db *db, int (*each)(void *ctx, const struct pools_sql_row *row),
                   void *ctx);
