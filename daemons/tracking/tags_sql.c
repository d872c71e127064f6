#include "daemons/tracking/tags_sql.h"

#include <errno.h>

#include "lib/base/arena.h"

#define DB_SET tags_sql
#define DB_SET_ROWS "daemons/tracking/tags_sql.def"
#include "lib/db/db_set.h"

struct db_stmt *tags_sql_list(struct db *db, const char *run_id) {
        struct db_stmt *s = use(db, STMT_list);

        db_bind_all(s, run_id);
        return s;
}

int tags_sql_set_one(struct db *db, const char *run_id, const char *key, const char *value) {
        DB_USE struct db_stmt *s = use(db, STMT_set);

        db_bind_all(s, key, value, run_id);
        return db_run(s);
}

int tags_sql_delete(struct db *db, const char *run_id, const char *key, int64_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, STMT_delete);
        int r;

        db_bind_all(s, key, run_id);
        r = db_run(s);
        *ret_n = r == 0 ? db_changes(db) : 0;
        return r;
}

int tags_sql_get(struct db *db, const char *run_id, const char *key, struct arena *a,
                 const char **ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        bool oom = false;
        int r;

        db_bind_all(s, key, run_id);
        r = db_step(s);
        if (r != DB_ROW)
                return r;
        *ret = db_col_dup(s, 0, a, &oom);
        return oom ? -ENOMEM : DB_ROW;
}
