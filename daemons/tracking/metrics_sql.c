#include "daemons/tracking/metrics_sql.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/tracking/refusal.h"
#include "lib/base/arena.h"
#include "lib/base/str.h"

#define DB_SET metrics_sql
#define DB_SET_ROWS "daemons/tracking/metrics_sql.def"
#include "lib/db/db_set.h"

double metrics_sql_storable(double value) {
        return isinf(value) ? copysign(DBL_MAX, value) : value;
}

enum { MANY = 50 }; /* points of insert_many */

static void bind(struct db_stmt *s, int first, const char *run_id, const struct metric *m) {
        bool nan = isnan(m->value);

        db_bind_text(s, first, m->key);
        db_bind_f64(s, first + 1, nan ? 0.0 : metrics_sql_storable(m->value));
        db_bind_i64(s, first + 2, m->at_ms);
        db_bind_text(s, first + 3, run_id);
        db_bind_i64(s, first + 4, m->step);
        db_bind_i64(s, first + 5, nan);
}

static int insert(struct db *db, size_t row, const char *run_id, const struct metric *m) {
        DB_USE struct db_stmt *s = use(db, row);

        bind(s, 1, run_id, m);
        return db_run(s);
}

/* Is the latest value kept under this very key? */
static int need_apart(struct db *db, struct refusal *refusal, const char *run_id, const char *key) {
        DB_USE struct db_stmt *s = use(db, STMT_alike);
        int r;

        db_bind_all(s, run_id, key);
        r = db_step(s);
        if (r != DB_ROW || str_eq(db_col_text(s, 0), key))
                return r < 0 ? r : 0;
        return refusal_invalid(refusal,
                               "Metric '%s' cannot be logged: run ID='%s' has the metric '%s', and "
                               "the tracking server's MySQL database takes the two for the same.",
                               key, run_id, db_col_text(s, 0));
}

static int insert_latest(struct db *db, struct refusal *refusal, const char *run_id,
                         const struct metric *m) {
        int r = insert(db, STMT_insert_latest, run_id, m);

        return r != 0 || db_get_dialect(db) != DB_MYSQL ? r
                                                        : need_apart(db, refusal, run_id, m->key);
}

int metrics_sql_insert(struct db *db, struct refusal *refusal, const char *run_id,
                       const struct metric *m) {
        int r = insert(db, STMT_insert, run_id, m);

        return r != 0 ? r : insert_latest(db, refusal, run_id, m);
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

/* By key and moment, as the table's indexes have them: neighbours come one after the other. */
static int compare(const void *a, const void *b) {
        const struct metric *x = *(const struct metric *const *) a;
        const struct metric *y = *(const struct metric *const *) b;
        int order = strcmp(x->key, y->key);

        if (order == 0)
                order = (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
        if (order == 0)
                order = (x->step > y->step) - (x->step < y->step);
        return order ? order : (x > y) - (x < y);
}

static int insert_points(struct db *db, const char *run_id, const struct metric *const *sorted,
                         size_t n) {
        size_t i = 0;
        int r = 0;

        for (; r == 0 && n - i >= MANY; i += MANY) {
                DB_USE struct db_stmt *s = use(db, STMT_insert_many);

                for (size_t k = 0; k < MANY; k++)
                        bind(s, 1 + 6 * (int) k, run_id, sorted[i + k]);
                r = db_run(s);
        }
        for (; r == 0 && i < n; i++)
                r = insert(db, STMT_insert, run_id, sorted[i]);
        return r;
}

/* ret[i]: the latest point of the key that stands at i for the first time, else NULL. Of equal ones
 * it is the first. */
static void find_latest(const struct metric *metrics, const struct metric *const *sorted, size_t n,
                        const struct metric **ret) {
        for (size_t i = 0, end; i < n; i = end) {
                const struct metric *best = sorted[i], *first = best;

                for (end = i + 1; end < n && strcmp(sorted[end]->key, best->key) == 0; end++) {
                        if (is_later(sorted[end], best))
                                best = sorted[end];
                        first = MIN(first, sorted[end]);
                }
                ret[first - metrics] = best;
        }
}

int metrics_sql_insert_all(struct db *db, struct arena *a, struct refusal *refusal,
                           const char *run_id, const struct metric *metrics, size_t n) {
        const struct metric **sorted, **latest;
        int r;

        if (n == 0)
                return 0;
        sorted = arena_zalloc_array(a, n, sizeof(*sorted));
        latest = arena_zalloc_array(a, n, sizeof(*latest));
        if (!sorted || !latest)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                sorted[i] = &metrics[i];
        qsort(sorted, n, sizeof(*sorted), compare);
        find_latest(metrics, sorted, n, latest);
        r = insert_points(db, run_id, sorted, n);
        for (size_t i = 0; r == 0 && i < n; i++)
                if (latest[i])
                        r = insert_latest(db, refusal, run_id, latest[i]);
        return r;
}

struct db_stmt *metrics_sql_latest(struct db *db, const char *run_id) {
        struct db_stmt *s = use(db, STMT_latest);

        db_bind_all(s, run_id);
        return s;
}

/* Of one key of one run, with two numbers more. */
static struct db_stmt *use_points(struct db *db, size_t row, const char *run_id, const char *key,
                                  int64_t x, int64_t y) {
        struct db_stmt *s = use(db, row);

        db_bind_all(s, run_id, key, x, y);
        return s;
}

struct db_stmt *metrics_sql_history(struct db *db, const char *run_id, const char *key,
                                    int64_t limit, int64_t offset) {
        return use_points(db, STMT_history, run_id, key, limit, offset);
}

struct db_stmt *metrics_sql_by_step(struct db *db, const char *run_id, const char *key) {
        struct db_stmt *s = use(db, STMT_by_step);

        db_bind_all(s, run_id, key);
        return s;
}

struct db_stmt *metrics_sql_sample(struct db *db, const char *run_id, const char *key,
                                   int64_t n_buckets, int64_t first_step, int64_t last_step) {
        struct db_stmt *s = use(db, STMT_sample);

        db_bind_all(s, n_buckets, run_id, key, first_step, last_step, key);
        return s;
}

int metrics_sql_count(struct db *db, const char *run_id, const char *key, int64_t first_step,
                      int64_t last_step, int64_t *ret) {
        DB_USE struct db_stmt *s = use_points(db, STMT_count, run_id, key, first_step, last_step);
        int r = db_step(s);

        if (r == DB_ROW)
                *ret = db_col_i64(s, 0);
        return r < 0 ? r : 0;
}

struct db_stmt *metrics_sql_neighbours(struct db *db, const char *run_id, const char *key,
                                       int64_t first_step, int64_t last_step, int64_t at) {
        struct db_stmt *s = use(db, STMT_neighbours);

        db_bind_all(s, run_id, key, first_step, last_step, at);
        return s;
}

struct db_stmt *metrics_sql_nth_of_step(struct db *db, const char *run_id, const char *key,
                                        int64_t step, int64_t nth) {
        return use_points(db, STMT_nth_of_step, run_id, key, step, nth);
}

struct db_stmt *metrics_sql_last(struct db *db, const char *run_id, const char *key,
                                 int64_t first_step, int64_t last_step) {
        return use_points(db, STMT_last, run_id, key, first_step, last_step);
}

struct metric metrics_sql_read(struct db_stmt *s) {
        return (struct metric){
                .key = db_col_text(s, 0),
                .value = db_col_i64(s, 4) ? NAN : db_col_f64(s, 1),
                .at_ms = db_col_i64(s, 2),
                .step = db_col_i64(s, 3),
        };
}
