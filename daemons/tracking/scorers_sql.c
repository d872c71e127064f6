#include "daemons/tracking/scorers_sql.h"

#include <errno.h>

#define DB_SET scorers_sql
#define DB_SET_ROWS "daemons/tracking/scorers_sql.def"
#include "lib/db/db_set.h"

int scorers_sql_read(struct db_stmt *s, struct arena *a, struct scorer *ret) {
        bool oom = false;
        struct scorer x = {
                .experiment_id = db_col_i64(s, 0),
                .name = db_col_dup(s, 1, a, &oom),
                .version = db_col_i64(s, 2),
                .serialized = db_col_dup(s, 3, a, &oom),
                .created_at_ms = db_col_i64(s, 4),
                .id = db_col_dup(s, 5, a, &oom),
        };

        if (oom)
                return -ENOMEM;
        *ret = x;
        return 0;
}

int scorers_sql_get(struct db *db, struct arena *a, int64_t experiment_id, const char *name,
                    const char **ret_id) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        int r;

        db_bind_all(s, experiment_id, name);
        r = db_step(s);
        if (r != DB_ROW)
                return r;
        *ret_id = db_col_dup(s, 0, a, NULL);
        return *ret_id ? DB_ROW : -ENOMEM;
}

int scorers_sql_version(struct db *db, struct arena *a, const char *id, int64_t version,
                        struct scorer *ret) {
        DB_USE struct db_stmt *s = use(db, version ? STMT_version : STMT_latest);
        int r;

        db_bind_text(s, 1, id);
        if (version)
                db_bind_i64(s, 2, version);
        r = db_step(s);
        if (r != DB_ROW)
                return r;
        r = scorers_sql_read(s, a, ret);
        return r < 0 ? r : DB_ROW;
}

int scorers_sql_last(struct db *db, const char *id, int64_t *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_last);
        int r;

        db_bind_all(s, id);
        r = db_step(s);
        *ret = r == DB_ROW ? db_col_i64(s, 0) : 0;
        return r < 0 ? r : 0;
}

struct db_stmt *scorers_sql_versions(struct db *db, const char *id) {
        struct db_stmt *s = use(db, STMT_versions);

        db_bind_all(s, id);
        return s;
}

struct db_stmt *scorers_sql_list(struct db *db, int64_t experiment_id) {
        struct db_stmt *s = use(db, experiment_id < 0 ? STMT_of_all : STMT_of_experiment);

        if (experiment_id >= 0)
                db_bind_all(s, experiment_id);
        return s;
}

struct db_stmt *scorers_sql_online(struct db *db, const char *id) {
        struct db_stmt *s = use(db, STMT_online);

        db_bind_all(s, id);
        return s;
}

int scorers_sql_read_online(struct db_stmt *s, struct arena *a, struct scorer_online *ret) {
        bool oom = false;
        struct scorer_online x = {
                .id = db_col_dup(s, 0, a, &oom),
                .sample_rate = db_col_f64(s, 1),
                .experiment_id = db_col_i64(s, 2),
                .filter = db_col_dup(s, 3, a, &oom),
                .scorer = {.experiment_id = db_col_i64(s, 4), .name = db_col_dup(s, 5, a, &oom)},
        };

        if (oom)
                return -ENOMEM;
        *ret = x;
        return 0;
}

int scorers_sql_insert(struct db *db, const struct scorer *x) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_all(s, x->experiment_id, x->name, x->id);
        return db_run(s);
}

int scorers_sql_version_insert(struct db *db, const struct scorer *x) {
        DB_USE struct db_stmt *s = use(db, STMT_version_insert);

        db_bind_all(s, x->id, x->version, x->serialized, x->created_at_ms);
        return db_run(s);
}

int scorers_sql_version_delete(struct db *db, const char *id, int64_t version, int64_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, STMT_version_delete);
        int r;

        db_bind_all(s, id, version);
        r = db_run(s);
        if (r == 0)
                *ret_n = db_changes(db);
        return r;
}

static int run_by_id(struct db *db, size_t row, const char *id) {
        DB_USE struct db_stmt *s = use(db, row);

        db_bind_all(s, id);
        return db_run(s);
}

int scorers_sql_delete(struct db *db, const char *id) {
        int r = run_by_id(db, STMT_versions_delete, id);

        return r == 0 ? run_by_id(db, STMT_delete, id) : r;
}

int scorers_sql_online_set(struct db *db, const char *scorer_id, const struct scorer_online *x) {
        int r = run_by_id(db, STMT_online_delete, scorer_id);
        DB_USE struct db_stmt *s = NULL;

        if (r < 0)
                return r;
        s = use(db, STMT_online_insert);
        db_bind_all(s, x->id, scorer_id, x->sample_rate, x->experiment_id, x->filter);
        return db_run(s);
}
