#include "daemons/scheduler/callbacks_sql.h"

#include "daemons/scheduler/scheduler_db.h"

enum {
#define DB_STATEMENT(name, sql) CALLBACKS_##name,
#include "daemons/scheduler/callbacks_sql.def"
#undef DB_STATEMENT
};

static const struct db_statement rows[] = {
#define DB_STATEMENT(name, sql) {#name, sql},
#include "daemons/scheduler/callbacks_sql.def"
#undef DB_STATEMENT
};

const struct db_set callbacks_sql_set = {"callbacks", rows, ARRAY_SIZE(rows)};

int callbacks_sql_insert(struct db *db, const struct callbacks_sql_row *row) {
        DB_USE struct db_stmt *s = db_use(db, &callbacks_sql_set, CALLBACKS_insert);

        db_bind_all(s, row->dag_run, row->task_id, row->map_index, row->event, row->kind, row->text,
                    row->facts, row->user);
        scheduler_db_bind_at(s, 9, row->at);
        return db_run(s);
}

int callbacks_sql_open(struct db *db, bool started, size_t limit,
                       int (*each)(void *ctx, const struct callbacks_sql_row *row), void *ctx) {
        DB_USE struct db_stmt *s = db_use(db, &callbacks_sql_set, CALLBACKS_open);
        int r;

        db_bind_all(s, started, limit);
        while ((r = db_step(s)) == DB_ROW) {
                r = each(ctx, &(struct callbacks_sql_row){.id = db_col_i64(s, 0),
                                                          .kind = db_col_text(s, 1),
                                                          .text = db_col_text(s, 2),
                                                          .facts = db_col_text(s, 3),
                                                          .user = db_col_text(s, 4),
                                                          .try_id = db_col_text(s, 5)});
                if (r != 0)
                        return r;
        }
        return r;
}

int callbacks_sql_start(struct db *db, int64_t id, const char *try_id) {
        DB_USE struct db_stmt *s = db_use(db, &callbacks_sql_set, CALLBACKS_start);

        db_bind_all(s, try_id, id);
        return db_run(s);
}

int callbacks_sql_finish(struct db *db, const char *try_id) {
        DB_USE struct db_stmt *s = db_use(db, &callbacks_sql_set, CALLBACKS_finish);

        db_bind_all(s, try_id);
        return db_run(s);
}
