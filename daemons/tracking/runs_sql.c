#include "daemons/tracking/runs_sql.h"

#include <errno.h>

#include "daemons/tracking/access.h"
#include "lib/base/str.h"

#define DB_SET runs_sql
#define DB_SET_ROWS "daemons/tracking/runs_sql.def"
#include "lib/db/db_set.h"

const char *const runs_sql_statuses[6] = {NULL,       "RUNNING", "SCHEDULED",
                                          "FINISHED", "FAILED",  "KILLED"};

static const char *text_or_empty(struct db_stmt *s, int col, struct arena *a, bool *ret_oom) {
        const char *text = db_col_dup(s, col, a, ret_oom);

        return text ? text : "";
}

int runs_sql_read(struct db_stmt *s, struct arena *a, struct run *ret) {
        bool oom = false;
        struct run run = {
                .id = text_or_empty(s, 0, a, &oom),
                .name = text_or_empty(s, 1, a, &oom),
                .experiment_id = db_col_i64(s, 2),
                .user_id = text_or_empty(s, 3, a, &oom),
                .status = text_or_empty(s, 4, a, &oom),
                .start_at_ms = db_col_i64(s, 5),
                .end_at_ms = db_col_i64(s, 6),
                .is_active = str_eq(db_col_text(s, 7), "active"),
                .artifact_uri = text_or_empty(s, 8, a, &oom),
        };

        if (oom)
                return -ENOMEM;
        *ret = run;
        return 0;
}

static int not_found(struct refusal *r, const char *id) {
        int x = access_check_absent(r);

        return x != 0 ? x
                      : refusal_set(r, REFUSAL_RESOURCE_DOES_NOT_EXIST, "Run with id=%s not found",
                                    id);
}

int runs_sql_get(struct db *db, struct arena *a, const char *id, struct run *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        int x;

        db_bind_all(s, id);
        x = db_step(s);
        if (x == DB_ROW)
                return runs_sql_read(s, a, ret);
        return x == DB_DONE ? RUNS_SQL_ABSENT : x;
}

int runs_sql_need(struct db *db, struct refusal *r, const char *id, struct run *ret) {
        int x = runs_sql_get(db, r->arena, id, ret);

        if (x == RUNS_SQL_ABSENT)
                return not_found(r, id);
        return x < 0 ? x : access_check_experiment(r, ret->experiment_id);
}

static int inactive(struct refusal *r, const char *id) {
        return refusal_invalid(
                r, "The run %s must be in the 'active' state. Current state is deleted.", id);
}

int runs_sql_check_active(struct refusal *r, const struct run *run) {
        return run->is_active ? 0 : inactive(r, run->id);
}

int runs_sql_need_active(struct db *db, struct refusal *r, const char *id,
                         int64_t *ret_experiment_id) {
        DB_USE struct db_stmt *s = use(db, STMT_stage);
        int x;

        db_bind_all(s, id);
        x = db_step(s);
        if (x == DB_DONE)
                return not_found(r, id);
        if (x < 0)
                return x;
        if (ret_experiment_id)
                *ret_experiment_id = db_col_i64(s, 1);
        x = access_check_experiment(r, db_col_i64(s, 1));
        if (x != 0)
                return x;
        return str_eq(db_col_text(s, 0), "active") ? 0 : inactive(r, id);
}

int runs_sql_insert(struct db *db, const struct run *run) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);
        int x;

        db_bind_all(s, run->id, run->name, run->user_id, run->start_at_ms, run->artifact_uri,
                    run->experiment_id);
        x = db_run(s);
        return x == DB_CONFLICT ? -EEXIST : x;
}

int runs_sql_set_status(struct db *db, const char *id, const char *status) {
        DB_USE struct db_stmt *s = use(db, STMT_set_status);

        db_bind_all(s, status, id);
        return db_run(s);
}

int runs_sql_set_end(struct db *db, const char *id, int64_t end_at_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_set_end);

        db_bind_all(s, end_at_ms, id);
        return db_run(s);
}

int runs_sql_set_name(struct db *db, const char *id, const char *name) {
        DB_USE struct db_stmt *s = use(db, STMT_set_name);

        db_bind_all(s, name, id);
        return db_run(s);
}

int runs_sql_set_active(struct db *db, const char *id, bool active, int64_t now_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_set_stage);

        db_bind_all(s, active ? "active" : "deleted", now_ms, id);
        if (active)
                db_bind_null(s, 2);
        return db_run(s);
}

int runs_sql_close_of_try(struct db *db, const char *try_id, const char *status, int64_t now_ms,
                          int64_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, STMT_close_of_try);
        int r;

        db_bind_all(s, status, now_ms, try_id);
        r = db_run(s);
        *ret_n = r == 0 ? db_changes(db) : 0;
        return r;
}
