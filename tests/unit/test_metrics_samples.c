/* Samples of several runs are those of each alone, whoever reads them. */
#include "daemons/tracking/metrics_samples.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemons/tracking/tracking_schema.h"
#include "lib/base/fileio.h"
#include "lib/db/db_readers.h"
#include "tests/unit/tracking_test.h"

enum { N_RUNS = 6 };

static const char *const ids[N_RUNS] = {"long0", "none", "long1", "short", "long2", "nobody"};
static const struct metrics_sample of = {
        .key = "k", .n_max = 100, .first_step = INT64_MIN, .last_step = INT64_MAX};

static void fill(const char *uri) {
        struct db *db _cleanup_(db_freep) = NULL;
        struct errmsg em = {};

        if (tracking_schema_open(uri, "x:/", 1, &em, &db) < 0)
                fail_msg("%s", em.text);
        assert_int_equal(
                db_exec(db,
                        "INSERT INTO runs (run_uuid, experiment_id, lifecycle_stage) VALUES "
                        "('long0', 0, 'active'), ('none', 0, 'active'), ('long1', 0, 'active'), "
                        "('short', 0, 'active'), ('long2', 0, 'active');"
                        "INSERT INTO metrics (\"key\", value, timestamp, run_uuid, step, is_nan) "
                        "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < "
                        "20999) SELECT 'k', i * 0.5, i, r.run_uuid, i, 0 FROM c CROSS JOIN runs r "
                        "WHERE r.run_uuid LIKE 'long%' OR (r.run_uuid = 'short' AND i < 7);"),
                0);
}

static struct db *reader(struct db_readers *readers) {
        struct db *db;

        assert_int_equal(db_readers_get(readers, &db), 0);
        return db;
}

static void same(const struct metrics_samples *a, const struct metrics_samples *b) {
        assert_int_equal(a->n, b->n);
        for (size_t i = 0; i < a->n; i++) {
                assert_int_equal(a->points[i].step, b->points[i].step);
                assert_int_equal(a->points[i].at_ms, b->points[i].at_ms);
                assert_true(a->points[i].value == b->points[i].value);
        }
}

static void test_samples(void **state) {
        static const struct db_set *const sets[] = {&metrics_sql_set};
        struct metrics_samples all[N_RUNS] = {}, one[N_RUNS] = {};
        char path[] = "/tmp/onebox-samples-XXXXXX", uri[64];
        const struct db_config config = {.uri = uri, .sets = sets, .n_sets = 1};
        struct db_readers *readers;
        struct errmsg em = {};
        struct db *db;

        (void) state;
        assert_non_null(mkdtemp(path));
        snprintf(uri, sizeof(uri), "sqlite:///%s/mlflow.db", path);
        fill(uri);
        assert_int_equal(db_readers_new(&config, &em, &readers), 0);
        db = reader(readers);
        assert_int_equal(db_begin(db, false), 0);
        assert_int_equal(metrics_samples_read(readers, db, &of, ids, N_RUNS, all), 0);
        for (size_t i = 0; i < N_RUNS; i++) {
                assert_int_equal(metrics_samples_read(readers, db, &of, &ids[i], 1, &one[i]), 0);
                same(&all[i], &one[i]);
        }
        assert_int_equal(all[0].n, 100);
        assert_int_equal(all[0].points[0].step, 0);
        assert_int_equal(all[0].points[99].step, 20999);
        assert_int_equal(all[1].n, 0);
        assert_int_equal(all[3].n, 7);
        assert_int_equal(all[3].points[6].step, 6);
        same(&all[2], &all[4]);
        assert_int_equal(metrics_samples_read(readers, db, &of, NULL, 0, NULL), 0);
        db_rollback(db);
        metrics_samples_done(all, N_RUNS);
        metrics_samples_done(one, N_RUNS);
        db_readers_free(readers);
        assert_int_equal(fileio_rm_rf(path), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_samples),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
