#include "daemons/scheduler/xcoms_sql.h"

#include <errno.h>

#include "daemons/scheduler/scheduler_db.h"
#include "lib/base/arena.h"

enum {
#define DB_STATEMENT(name, sql) XCOMS_##name,
#include "daemons/scheduler/xcoms_sql.def"
#undef DB_STATEMENT
};

static const struct db_statement rows[] = {
#define DB_STATEMENT(name, sql) {#name, sql},
#include "daemons/scheduler/xcoms_sql.def"
#undef DB_STATEMENT
};

const struct db_set xcoms_sql_set = {"xcoms", rows, ARRAY_SIZE(rows)};

int xcoms_sql_put(struct db *db, const struct xcoms_sql_key *k, const char *value, size_t n_bytes,
                  const char *file, usec_t at) {
        DB_USE struct db_stmt *s = db_use(db, &xcoms_sql_set, XCOMS_put);

        db_bind_all(s, k->dag_run, k->task_id, k->map_index, k->key);
        if (value)
                db_bind_text_n(s, 5, value, n_bytes);
        db_bind_text(s, 6, file);
        db_bind_i64(s, 7, (int64_t) n_bytes);
        scheduler_db_bind_at(s, 8, at);
        return db_run(s);
}

int xcoms_sql_get(struct db *db, const struct xcoms_sql_key *k, struct arena *a,
                  const char **ret_value, const char **ret_file) {
        DB_USE struct db_stmt *s = db_use(db, &xcoms_sql_set, XCOMS_get);
        bool oom = false;
        int r;

        db_bind_all(s, k->dag_run, k->task_id, k->map_index, k->key);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : 1;
        *ret_value = db_col_dup(s, 0, a, &oom);
        *ret_file = db_col_dup(s, 1, a, &oom);
        return oom ? -ENOMEM : 0;
}

int xcoms_sql_all(struct db *db, const struct xcoms_sql_key *k,
                  int (*each)(void *ctx, const char *value, const char *file), void *ctx) {
        DB_USE struct db_stmt *s = db_use(db, &xcoms_sql_set, XCOMS_all);
        int r;

        db_bind_all(s, k->dag_run, k->task_id, k->key);
        while ((r = db_step(s)) == DB_ROW) {
                r = each(ctx, db_col_text(s, 0), db_col_text(s, 1));
                if (r != 0)
                        return r;
        }
        return r;
}

int xcoms_sql_delete(struct db *db, const struct xcoms_sql_key *k) {
        DB_USE struct db_stmt *s = db_use(db, &xcoms_sql_set, XCOMS_delete_key);
        int r;

        db_bind_all(s, k->dag_run, k->task_id, k->map_index, k->key);
        r = db_run(s);
        return r < 0 ? r : db_changes(db) == 0;
}

int xcoms_sql_delete_task(struct db *db, const struct xcoms_sql_key *k) {
        DB_USE struct db_stmt *s = db_use(db, &xcoms_sql_set, XCOMS_delete_task);

        db_bind_all(s, k->dag_run, k->task_id, k->map_index);
        return db_run(s);
}
