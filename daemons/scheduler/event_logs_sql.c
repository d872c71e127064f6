#include "daemons/scheduler/event_logs_sql.h"

#include <errno.h>

#include "lib/base/arena.h"

enum {
#define DB_STATEMENT(name, sql) LOGS_##name,
#include "daemons/scheduler/event_logs_sql.def"
#undef DB_STATEMENT
};

static const struct db_statement rows[] = {
#define DB_STATEMENT(name, sql) {#name, sql},
#include "daemons/scheduler/event_logs_sql.def"
#undef DB_STATEMENT
};

const struct db_set event_logs_sql_set = {"event_logs", rows, ARRAY_SIZE(rows)};

int event_logs_sql_insert(struct db *db, const struct event_logs_sql_row *row) {
        DB_USE struct db_stmt *s = db_use(db, &event_logs_sql_set, LOGS_insert);

        db_bind_all(s, row->at, row->event, row->dag_id, row->run_id, row->task_id);
        if (row->map_index >= 0)
                db_bind_i64(s, 6, row->map_index);
        if (row->try_number > 0)
                db_bind_i64(s, 7, row->try_number);
        db_bind_text(s, 8, row->owner);
        db_bind_text(s, 9, row->extra);
        return db_run(s);
}

int event_logs_sql_expire(struct db *db, usec_t before_at) {
        DB_USE struct db_stmt *s = db_use(db, &event_logs_sql_set, LOGS_expire);

        db_bind_all(s, before_at);
        return db_run(s);
}

int event_logs_sql_last(struct db *db, const char *event, const char *dag_id, const char *run_id,
                        const char *task_id, struct arena *a, const char **ret) {
        DB_USE struct db_stmt *s = db_use(db, &event_logs_sql_set, LOGS_last);
        const char *text;
        int r;

        db_bind_all(s, dag_id, event, run_id, task_id);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : 1;
        text = db_col_is_null(s, 0) ? "" : db_col_text(s, 0);
        *ret = arena_strdup(a, text);
        return *ret ? 0 : -ENOMEM;
}
