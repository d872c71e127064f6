#include "daemons/scheduler/tracked_sql.h"

#define DB_SET tracked_sql
#define DB_SET_ROWS "daemons/scheduler/tracked_sql.def"
#include "lib/db/db_set.h"

int tracked_sql_insert(struct db *db, const char *try_id, const char *body) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_all(s, try_id, body);
        return db_run(s);
}

int tracked_sql_delete(struct db *db, const char *try_id) {
        DB_USE struct db_stmt *s = use(db, STMT_delete);

        db_bind_all(s, try_id);
        return db_run(s);
}
