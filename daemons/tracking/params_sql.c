#include "daemons/tracking/params_sql.h"

#include <errno.h>

#include "lib/base/arena.h"
#include "lib/base/str.h"

#define DB_SET params_sql
#define DB_SET_ROWS "daemons/tracking/params_sql.def"
#include "lib/db/db_set.h"

struct db_stmt *params_sql_list(struct db *db, const char *run_id) {
        struct db_stmt *s = use(db, STMT_list);

        db_bind_all(s, run_id);
        return s;
}

static int get(struct db *db, const char *run_id, const char *key, struct arena *a,
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

int params_sql_insert(struct db *db, const char *run_id, const char *key, const char *value,
                      struct arena *a, const char **ret_old) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);
        const char *old = NULL;
        int r;

        db_bind_all(s, key, value, run_id);
        r = db_run(s);
        if (r != DB_CONFLICT)
                return r;
        r = get(db, run_id, key, a, &old);
        if (r != DB_ROW)
                return r < 0 ? r : -EUCLEAN;
        if (str_eq(old, value))
                return 0;
        *ret_old = old ? old : "";
        return PARAMS_SQL_DIFFERS;
}
