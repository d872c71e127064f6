#include "daemons/scheduler/dags_sql.h"

#include <errno.h>

#include "daemons/scheduler/scheduler_db.h"
#include "lib/base/arena.h"

enum {
#define DB_STATEMENT(name, sql) DAGS_##name,
#include "daemons/scheduler/dags_sql.def"
#undef DB_STATEMENT
};

static const struct db_statement rows[] = {
#define DB_STATEMENT(name, sql) {#name, sql},
#include "daemons/scheduler/dags_sql.def"
#undef DB_STATEMENT
};

const struct db_set dags_sql_set = {"dags", rows, ARRAY_SIZE(rows)};

static int row_read(struct db_stmt *s, struct arena *a, struct dags_sql_row *ret) {
        bool oom = false;

        *ret = (struct dags_sql_row){
                .dag_id = db_col_dup(s, 0, a, &oom),
                .is_paused = db_col_i64(s, 1),
                .is_gone = db_col_i64(s, 2),
                .version = db_col_i64(s, 3),
                .has_last = !db_col_is_null(s, 7),
                .last = {.logical_at = scheduler_db_col_at(s, 4),
                         .interval_start_at = scheduler_db_col_at(s, 5),
                         .interval_end_at = scheduler_db_col_at(s, 6),
                         .run_after_at = scheduler_db_col_at(s, 7)},
                .body = db_col_dup(s, 8, a, &oom),
                .version_at = scheduler_db_col_at(s, 9),
        };
        return oom ? -ENOMEM : 0;
}

int dags_sql_list(struct db *db, struct arena *a, struct dags_sql_row **ret, size_t *ret_n) {
        DB_USE struct db_stmt *s = db_use(db, &dags_sql_set, DAGS_list);
        struct dags_sql_row *list = NULL;
        size_t n = 0, cap = 0;
        int r;

        while ((r = db_step(s)) == DB_ROW) {
                if (n == cap) {
                        size_t more = cap ? cap * 2 : 64;
                        struct dags_sql_row *grown = arena_zalloc_array(a, more, sizeof(*grown));

                        if (!grown)
                                return -ENOMEM;
                        for (size_t i = 0; i < n; i++)
                                grown[i] = list[i];
                        list = grown;
                        cap = more;
                }
                r = row_read(s, a, &list[n++]);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        *ret = list;
        *ret_n = n;
        return 0;
}

int dags_sql_put(struct db *db, const char *dag_id, int64_t version, const char *body,
                 bool is_paused, usec_t now) {
        int r;

        if (body) {
                DB_USE struct db_stmt *v = db_use(db, &dags_sql_set, DAGS_version_insert);

                db_bind_all(v, dag_id, version, body, now);
                r = db_run(v);
                if (r != DB_DONE)
                        return r < 0 ? r : -EEXIST;
        }
        DB_USE struct db_stmt *s = db_use(db, &dags_sql_set, DAGS_upsert);
        db_bind_all(s, dag_id, is_paused, 0, version, now);
        return db_run(s);
}

int dags_sql_set_gone(struct db *db, const char *dag_id) {
        DB_USE struct db_stmt *s = db_use(db, &dags_sql_set, DAGS_set_gone);

        db_bind_all(s, dag_id);
        return db_run(s);
}

int dags_sql_set_paused(struct db *db, const char *dag_id, bool is_paused) {
        DB_USE struct db_stmt *s = db_use(db, &dags_sql_set, DAGS_set_paused);

        db_bind_all(s, is_paused, dag_id);
        return db_run(s);
}

int dags_sql_set_last(struct db *db, const char *dag_id, const struct timetable_run *last) {
        DB_USE struct db_stmt *s = db_use(db, &dags_sql_set, DAGS_set_last);

        scheduler_db_bind_at(s, 1, last->logical_at);
        scheduler_db_bind_at(s, 2, last->interval_start_at);
        scheduler_db_bind_at(s, 3, last->interval_end_at);
        scheduler_db_bind_at(s, 4, last->run_after_at);
        db_bind_text(s, 5, dag_id);
        return db_run(s);
}

int dags_sql_version_get(struct db *db, const char *dag_id, int64_t version, struct arena *a,
                         const char **ret_body) {
        DB_USE struct db_stmt *s = db_use(db, &dags_sql_set, DAGS_version_get);
        int r;

        db_bind_all(s, dag_id, version);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : 1;
        *ret_body = db_col_dup(s, 0, a, NULL);
        return *ret_body ? 0 : -ENOMEM;
}

int dags_sql_version_latest(struct db *db, const char *dag_id, int64_t *ret_version) {
        DB_USE struct db_stmt *s = db_use(db, &dags_sql_set, DAGS_version_latest);
        int r;

        db_bind_all(s, dag_id);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : -EIO;
        *ret_version = db_col_i64(s, 0);
        return 0;
}
