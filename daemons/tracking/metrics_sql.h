/* metrics_sql.h: the rows of metrics and latest_metrics. */
#pragma once

#include "lib/base/macros.h"
#include "lib/db/db.h"

extern const struct db_set metrics_sql_set;

struct arena;
struct refusal;

struct metric {
        const char *key;
        double value; /* NaN is one, infinities are the greatest doubles */
        int64_t at_ms, step;
        const char *model_id, *dataset_name, *dataset_digest; /* may be NULL */
};

/* What can be stored for a value: infinities become the greatest doubles. */
double metrics_sql_storable(double value);

/* Adds a point, unless it is there already, and moves the latest one of its key on when it is
 * later by step, time and value. 0, REFUSED or -errno: MySQL cannot keep keys apart that differ
 * in case or accents only, and one's values must not become the other's. */
int metrics_sql_insert(struct db *db, struct refusal *refusal, const char *run_id,
                       const struct metric *m);

/* The same for many points, in order; the latest of each key is written once. */
int metrics_sql_insert_all(struct db *db, struct arena *a, struct refusal *refusal,
                           const char *run_id, const struct metric *metrics, size_t n);

/* Statements with the columns of metrics_sql_read(). Step them. */
struct db_stmt *metrics_sql_latest(struct db *db, const char *run_id);
/* By time, step and value. */
struct db_stmt *metrics_sql_history(struct db *db, const char *run_id, const char *key,
                                    int64_t limit, int64_t offset);
/* All of them by step: value (0 for NaN), time, step, is NaN. */
struct db_stmt *metrics_sql_by_step(struct db *db, const char *run_id, const char *key);
/* One point of each of n_buckets even parts of the history between two steps. */
struct db_stmt *metrics_sql_sample(struct db *db, const char *run_id, const char *key,
                                   int64_t n_buckets, int64_t first_step, int64_t last_step);
/* The last point of it. */
/* How many points the metric has between the two steps. */
int metrics_sql_count(struct db *db, const char *run_id, const char *key, int64_t first_step,
                      int64_t last_step, int64_t *ret);
/* Rows of one column: the steps of the points number `at` and at + 1, by step. */
struct db_stmt *metrics_sql_neighbours(struct db *db, const char *run_id, const char *key,
                                       int64_t first_step, int64_t last_step, int64_t at);
/* The point number `nth` of those with this step, by time and value. */
struct db_stmt *metrics_sql_nth_of_step(struct db *db, const char *run_id, const char *key,
                                        int64_t step, int64_t nth);
struct db_stmt *metrics_sql_last(struct db *db, const char *run_id, const char *key,
                                 int64_t first_step, int64_t last_step);

/* The row that stands in `s`; the key is valid as long as the row. */
struct metric metrics_sql_read(struct db_stmt *s);
