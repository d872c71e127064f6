/* db_set.h: a noun's statements from its .def file. Included once, below the other headers of
 * NOUN_sql.c:
 *
 *      #define DB_SET metrics_sql
 *      #define DB_SET_ROWS "daemons/tracking/metrics_sql.def"  // DB_STATEMENT(get, "SELECT …") …
 *      #include "lib/db/db_set.h"
 *
 * gives `metrics_sql_set` for db_open_config(), and to the file alone STMT_get … and use(db,
 * STMT_get). */
#include "lib/db/db.h"

#define DB_STATEMENT(name, sql) STMT_##name,
enum {
#include DB_SET_ROWS
};
#undef DB_STATEMENT
#define DB_STATEMENT(name, sql) {#name, sql},
static const struct db_statement rows[] = {
#include DB_SET_ROWS
};
#undef DB_STATEMENT

#define DB_SET_NAME_(set) set##_set
#define DB_SET_NAME(set) DB_SET_NAME_(set)
#define DB_SET_TEXT_(set) #set
#define DB_SET_TEXT(set) DB_SET_TEXT_(set)
const struct db_set DB_SET_NAME(DB_SET) = {DB_SET_TEXT(DB_SET), rows, ARRAY_SIZE(rows)};

static struct db_stmt *use(struct db *db, size_t row) {
        return db_use(db, &DB_SET_NAME(DB_SET), row);
}
#undef DB_SET_NAME_
#undef DB_SET_NAME
#undef DB_SET_TEXT_
#undef DB_SET_TEXT
