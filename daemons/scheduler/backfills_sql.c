#include "daemons/scheduler/backfills_sql.h"

#include <errno.h>

#include "daemons/scheduler/scheduler_db.h"
#include "lib/base/arena.h"

enum {
#define DB_STATEMENT(name, sql) BACKFILLS_##name,
#include "daemons/scheduler/backfills_sql.def"
#undef DB_STATEMENT
};

static const struct db_statement rows[] = {
#define DB_STATEMENT(name, sql) {#name, sql},
#include "daemons/scheduler/backfills_sql.def"
#undef DB_STATEMENT
};

const struct db_set backfills_sql_set = {"backfills", rows, ARRAY_SIZE(rows)};

int backfills_sql_insert(struct db *db, const struct backfills_sql_row *row, const char *by,
                         int64_t *ret_id) {
        DB_USE struct db_stmt *s = db_use(db, &backfills_sql_set, BACKFILLS_insert);
        int r;

        db_bind_all(s, row->dag_id, row->from_at, row->to_at, row->conf, row->reprocess,
                    row->max_active_runs, by, row->created_at, row->created_at);
        r = db_run(s);
        if (r != DB_DONE)
                return r < 0 ? r : -EEXIST;
        *ret_id = db_last_id(db);
        return 0;
}

int backfills_sql_read(struct db_stmt *s, struct arena *a, struct backfills_sql_row *ret) {
        bool oom = false;

        *ret = (struct backfills_sql_row){.id = db_col_i64(s, 0),
                                          .dag_id = db_col_dup(s, 1, a, &oom),
                                          .from_at = scheduler_db_col_at(s, 2),
                                          .to_at = scheduler_db_col_at(s, 3),
                                          .conf = db_col_dup(s, 4, a, &oom),
                                          .is_paused = db_col_i64(s, 5) != 0,
                                          .reprocess = db_col_dup(s, 6, a, &oom),
                                          .max_active_runs = (unsigned) db_col_i64(s, 7),
                                          .created_at = scheduler_db_col_at(s, 8),
                                          .updated_at = scheduler_db_col_at(s, 9),
                                          .completed_at = scheduler_db_col_at(s, 10)};
        return oom ? -ENOMEM : 0;
}

int backfills_sql_get(struct db *db, int64_t id, struct arena *a, struct backfills_sql_row *ret) {
        DB_USE struct db_stmt *s = db_use(db, &backfills_sql_set, BACKFILLS_get);
        int r;

        db_bind_all(s, id);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : 1;
        return backfills_sql_read(s, a, ret);
}

int backfills_sql_open(struct db *db, struct arena *a,
                       int (*each)(void *ctx, const struct backfills_sql_row *row), void *ctx) {
        DB_USE struct db_stmt *s = db_use(db, &backfills_sql_set, BACKFILLS_open);
        struct backfills_sql_row row;
        int r;

        while ((r = db_step(s)) == DB_ROW) {
                r = backfills_sql_read(s, a, &row);
                if (r == 0)
                        r = each(ctx, &row);
                if (r != 0)
                        return r;
        }
        return r;
}

int backfills_sql_set_paused(struct db *db, int64_t id, bool paused, usec_t now) {
        DB_USE struct db_stmt *s = db_use(db, &backfills_sql_set, BACKFILLS_set_paused);

        db_bind_all(s, paused, now, id);
        return db_run(s);
}

int backfills_sql_complete(struct db *db, int64_t id, usec_t now) {
        DB_USE struct db_stmt *s = db_use(db, &backfills_sql_set, BACKFILLS_complete);

        db_bind_all(s, now, now, id);
        return db_run(s);
}

int backfills_sql_adopt(struct db *db, int64_t id, int64_t dag_run, bool ignores_past) {
        DB_USE struct db_stmt *s = db_use(db, &backfills_sql_set, BACKFILLS_adopt);

        db_bind_all(s, id, ignores_past, dag_run);
        return db_run(s);
}
