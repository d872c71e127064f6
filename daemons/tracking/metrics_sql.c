#include "daemons/tracking/metrics_sql.h"

#include <float.h>
#include <math.h>

#define DB_STATEMENT(name, sql) STMT_##name,
enum {
#include "daemons/tracking/metrics_sql.def"
};
#undef DB_STATEMENT
#define DB_STATEMENT(name, sql) {#name, sql},
static const struct db_statement rows[] = {
#include "daemons/tracking/metrics_sql.def"
};
#undef DB_STATEMENT
const struct db_set metrics_sql_set = {"metrics", rows, ARRAY_SIZE(rows)};

static struct db_stmt *use(struct db *db, size_t row) {
        return db_use(db, &metrics_sql_set, row);
}

double metrics_sql_storable(double value) {
        return isinf(value) ? copysign(DBL_MAX, value) : value;
}

static int insert(struct db *db, size_t row, const char *run_id, const struct metric *m) {
        DB_USE struct db_stmt *s = use(db, row);
        bool nan = isnan(m->value);

        db_bind_all(s, m->key, nan ? 0.0 : metrics_sql_storable(m->value), m->at_ms, run_id,
                    m->step, (int) nan);
        return db_run(s);
}

int metrics_sql_insert(struct db *db, const char *run_id, const struct metric *m) {
        int r = insert(db, STMT_insert, run_id, m);

        return r != 0 ? r : insert(db, STMT_insert_latest, run_id, m);
}

struct db_stmt *metrics_sql_latest(struct db *db, const char *run_id) {
        struct db_stmt *s = use(db, STMT_latest);

        db_bind_all(s, run_id);
        return s;
}

struct db_stmt *metrics_sql_history(struct db *db, const char *run_id, const char *key,
                                    int64_t limit, int64_t offset) {
        struct db_stmt *s = use(db, STMT_history);

        db_bind_all(s, run_id, key, limit, offset);
        return s;
}

struct db_stmt *metrics_sql_sample(struct db *db, const char *run_id, const char *key,
                                   int64_t n_buckets, int64_t first_step, int64_t last_step) {
        struct db_stmt *s = use(db, STMT_sample);

        db_bind_all(s, n_buckets, run_id, key, first_step, last_step, key);
        return s;
}

struct db_stmt *metrics_sql_last(struct db *db, const char *run_id, const char *key,
                                 int64_t first_step, int64_t last_step) {
        struct db_stmt *s = use(db, STMT_last);

        db_bind_all(s, run_id, key, first_step, last_step);
        return s;
}

struct metric metrics_sql_read(struct db_stmt *s) {
        return (struct metric){
                .key = db_col_text(s, 0),
                .value = db_col_i64(s, 4) ? NAN : db_col_f64(s, 1),
                .at_ms = db_col_i64(s, 2),
                .step = db_col_i64(s, 3),
        };
}
