/* db_catalog.h: what tables a database has, in the same words for every engine. */
#pragma once

#include "lib/base/macros.h"

struct arena;
struct db;
struct errmsg;

enum db_catalog_type { DB_CATALOG_I64, DB_CATALOG_F64, DB_CATALOG_TEXT, DB_CATALOG_BLOB };

struct db_catalog_column {
        const char *name;
        enum db_catalog_type type; /* booleans are I64; JSON and times are TEXT */
};

/* One column of a foreign key. */
struct db_catalog_reference {
        const char *constraint, *column, *key; /* the column it points to */
        const char *parent_name;
        const struct db_catalog_table *parent;
};

struct db_catalog_table {
        const char *name;
        struct db_catalog_column *columns; /* by name */
        size_t n_columns;
        size_t *keys; /* columns of the primary key, in its order */
        size_t n_keys;
        const char **parents; /* tables its foreign keys point to, without itself */
        size_t n_parents;
        /* MySQL's only, by their columns: what points to a key may be spelled otherwise there, as
         * names that differ in case only are one to MySQL, and to no other engine. */
        struct db_catalog_reference *references;
        size_t n_references;
};

struct db_catalog {
        struct db_catalog_table *tables; /* parents before their children */
        size_t n_tables;
};

/* All tables but the engine's own. -EINVAL with `em`: a table has no primary key, or tables point
 * to each other in a ring. */
int db_catalog_read(struct db *db, struct arena *a, struct errmsg *em, struct db_catalog *ret);

/* The table of that name, or NULL. */
const struct db_catalog_table *db_catalog_find(const struct db_catalog *c, const char *name);

/* The same columns of the same types and the same keys? */
bool db_catalog_same(const struct db_catalog_table *a, const struct db_catalog_table *b);
