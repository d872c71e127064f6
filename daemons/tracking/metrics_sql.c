#include "daemons/tracking/metrics_sql.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"

#define DB_SET metrics_sql
#define DB_SET_ROWS "daemons/tracking/metrics_sql.def"
#include "lib/db/db_set.h"

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

static double stored(const struct metric *m) {
        return isnan(m->value) ? 0 : metrics_sql_storable(m->value);
}

static bool is_later(const struct metric *a, const struct metric *b) {
        if (a->step != b->step)
                return a->step > b->step;
        if (a->at_ms != b->at_ms)
                return a->at_ms > b->at_ms;
        return stored(a) > stored(b);
}

/* By key, then by place. */
static int compare(const void *a, const void *b) {
        const struct metric *x = *(const struct metric *const *) a;
        const struct metric *y = *(const struct metric *const *) b;
        int order = strcmp(x->key, y->key);

        return order ? order : (x > y) - (x < y);
}

/* ret[i]: the latest point of the key that stands at i for the first time, else NULL. */
static void find_latest(const struct metric *metrics, const struct metric **sorted, size_t n,
                        const struct metric **ret) {
        for (size_t i = 0; i < n; i++)
                sorted[i] = &metrics[i];
        qsort(sorted, n, sizeof(*sorted), compare);
        for (size_t i = 0, first = 0; i < n; i++) {
                const struct metric **best;

                if (strcmp(sorted[i]->key, sorted[first]->key) != 0)
                        first = i;
                best = &ret[sorted[first] - metrics];
                if (!*best || is_later(sorted[i], *best))
                        *best = sorted[i];
        }
}

int metrics_sql_insert_all(struct db *db, struct arena *a, const char *run_id,
                           const struct metric *metrics, size_t n) {
        const struct metric **sorted, **latest;
        int r = 0;

        if (n == 0)
                return 0;
        sorted = arena_zalloc_array(a, n, sizeof(*sorted));
        latest = arena_zalloc_array(a, n, sizeof(*latest));
        if (!sorted || !latest)
                return -ENOMEM;
        find_latest(metrics, sorted, n, latest);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = insert(db, STMT_insert, run_id, &metrics[i]);
        for (size_t i = 0; r == 0 && i < n; i++)
                if (latest[i])
                        r = insert(db, STMT_insert_latest, run_id, latest[i]);
        return r;
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
