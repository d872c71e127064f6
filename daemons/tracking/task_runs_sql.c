#include "daemons/tracking/task_runs_sql.h"

#include <errno.h>

#include "lib/base/entropy.h"

#define DB_SET task_runs_sql
#define DB_SET_ROWS "daemons/tracking/task_runs_sql.def"
#include "lib/db/db_set.h"

int task_runs_sql_id(const char *try_id, char ret[TASK_RUNS_SQL_ID_SIZE]) {
        size_t n = 0;

        if (!entropy_is_uuid(try_id))
                return -EINVAL;
        for (; *try_id; try_id++)
                if (*try_id != '-')
                        ret[n++] = *try_id;
        ret[n] = 0;
        return 0;
}

int task_runs_sql_adopt_all(struct db *db, const char *try_id, const char *own_id) {
        DB_USE struct db_stmt *s = use(db, STMT_adopt_all);

        db_bind_all(s, own_id, try_id);
        return db_run(s);
}

int task_runs_sql_adopt(struct db *db, const char *try_id, const char *run_id) {
        char own_id[TASK_RUNS_SQL_ID_SIZE];
        DB_USE struct db_stmt *s = NULL;

        if (task_runs_sql_id(try_id, own_id) < 0)
                return 0;
        s = use(db, STMT_adopt);
        db_bind_all(s, own_id, run_id);
        return db_run(s);
}

int task_runs_sql_end(struct db *db, const char *own_id, const char *status, int64_t start_at_ms,
                      int64_t end_at_ms, int64_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, STMT_end);
        int r;

        db_bind_all(s, status, start_at_ms, end_at_ms, own_id);
        if (start_at_ms == 0)
                db_bind_null(s, 2);
        r = db_run(s);
        *ret_n = r == 0 ? db_changes(db) : 0;
        return r;
}
