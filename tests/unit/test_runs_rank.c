/* What is ranked in memory comes as the database sorts it. */
#include "daemons/tracking/runs_rank.h"

#include <errno.h>
#include <math.h>

#include "tests/unit/tracking_test_db.h"

enum { N_RUNS = 600 };

static const int64_t experiments[] = {1};

static void exec(struct tracking_test *t, const char *sql) {
        if (db_exec(t->db, sql) != 0)
                fail_msg("%s: %s", sql, db_errmsg(t->db));
}

static void fill(struct tracking_test *t) {
        static const char *const statuses[] = {"FINISHED", "FAILED", "RUNNING", "KILLED",
                                               "SCHEDULED"};

        for (int i = 0; i < N_RUNS; i++) {
                char id[40], value[32];

                snprintf(id, sizeof(id), "%032x", (unsigned) i * 2654435761U);
                tracking_test_run(t, id, i % 7);
                assert_int_equal(runs_sql_set_status(t->db, id, statuses[i % 5]), 0);
                if (i % 4)
                        assert_int_equal(runs_sql_set_end(t->db, id, i % 11 - 5), 0);
                if (i % 3) {
                        const struct metric m = {.key = "m", .value = i % 10 ? i % 13 - 6.5 : NAN};

                        assert_int_equal(metrics_sql_insert(t->db, NULL, id, &m), 0);
                }
                snprintf(value, sizeof(value), "%s%d", i % 2 ? "\u00e9" : "e", i % 9);
                if (i % 5)
                        assert_int_equal(params_sql_insert(t->db, id, "p", value, &t->arena, NULL),
                                         0);
                assert_int_equal(tags_sql_set_one(t->db, id, "mlflow.runName", id), 0);
                if (i % 6 == 1)
                        assert_int_equal(tags_sql_set_one(t->db, id, "t", i % 4 ? "" : value), 0);
        }
        exec(t, "UPDATE runs SET start_time = NULL WHERE start_time = 3 AND end_time > 0");
        exec(t, "UPDATE runs SET status = NULL WHERE status = 'KILLED' AND start_time = 2");
        exec(t, "UPDATE tags SET value = NULL WHERE value = 'e7'");
        exec(t, "UPDATE runs SET lifecycle_stage = 'deleted' WHERE start_time = 6");
}

static struct runs_search parse(struct tracking_test *t, const char *filter,
                                const char *const *order, size_t n) {
        struct runs_search q = {
                .experiment_ids = experiments, .n_experiment_ids = 1, .view = RUNS_SEARCH_ACTIVE};

        if (runs_search_parse(&q, filter, order, n, &t->refusal) != 0)
                fail_msg("%s", t->refusal.text);
        return q;
}

/* The ids as the database sorts them. */
static size_t sorted(struct tracking_test *t, const struct runs_search *q, char (*ret)[33]) {
        const struct runs_search_plan plan = {
                .part = RUNS_SEARCH_WHOLE, .driver = -1, .ids_only = true};
        struct search_sql sql;
        struct db_stmt *s;
        size_t n = 0;

        search_sql_init(&sql, &t->arena);
        runs_search_build(q, &plan, &sql);
        assert_int_equal(search_sql_prepare(&sql, t->db, &s), 0);
        while (db_step(s) == DB_ROW)
                snprintf(ret[n++], sizeof(*ret), "%s", db_col_text(s, 0));
        db_reset(s);
        search_sql_done(&sql);
        return n;
}

static void same(struct tracking_test *t, const char *filter, const char *const *order, size_t n) {
        static char whole[N_RUNS][33];
        const size_t offsets[] = {0, 1, 63, 64, 65, 200, 333, N_RUNS - 1, N_RUNS, 9999};
        const size_t limits[] = {0, 1, 2, 64, 65, 101, 300, N_RUNS, 9999};
        struct runs_search q = parse(t, filter, order, n);
        size_t n_whole = sorted(t, &q, whole);

        assert_true(runs_rank_can(&q));
        for (size_t i = 0; i < ARRAY_SIZE(offsets) * ARRAY_SIZE(limits); i++) {
                size_t offset = offsets[i / ARRAY_SIZE(limits)], n_ids = 0;
                size_t limit = limits[i % ARRAY_SIZE(limits)];
                size_t left = offset < n_whole ? n_whole - offset : 0;
                const char **ids;

                assert_int_equal(runs_rank_find(t->db, &t->arena, &q, (int64_t) limit,
                                                (int64_t) offset, &ids, &n_ids),
                                 0);
                assert_int_equal(n_ids, MIN(limit, left));
                for (size_t k = 0; k < n_ids; k++)
                        assert_string_equal(ids[k], whole[offset + k]);
        }
}

static void test_orders(void **state) {
        static const char *const keys[] = {"metrics.m",  "params.p", "tags.t",         "status",
                                           "start_time", "end_time", "metrics.nowhere"};
        static const char *const filters[] = {
                "metrics.m > 2",
                "metrics.m != 2.5",
                "metrics.m > -3 AND metrics.m <= 4 AND metrics.m != 0.5",
                "params.p = 'e4' AND metrics.m > 0",
                "params.p != 'e4' AND params.p LIKE 'e%'",
                "params.p ILIKE 'E%' AND status != 'FAILED'",
                "tags.t IS NULL",
                "tags.t IS NOT NULL AND start_time > 1",
                "tags.t IS NULL AND tags.t = ''",
                "tags.t IS NULL AND params.p IS NULL",
                "run_name LIKE '%3%'",
                "run_name = 'nowhere'",
        };
        struct tracking_test *t = *state;

        fill(t);
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
                        for (int down = 0; down < 4; down++) {
                                char a[32], b[32];
                                const char *const order[] = {a, b};

                                snprintf(a, sizeof(a), "%s%s", keys[i], down & 1 ? " DESC" : "");
                                snprintf(b, sizeof(b), "%s%s", keys[k], down & 2 ? " DESC" : "");
                                if (i != k)
                                        same(t, "", order, 2);
                        }
        same(t, "", NULL, 0);
        same(t, "params.p = 'e4'", (const char *const[]){"metrics.m DESC"}, 1);
        same(t, "metrics.m > 0 AND tags.t IS NULL",
             (const char *const[]){"tags.t", "metrics.m", "params.p DESC"}, 3);
        for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
                same(t, filters[i], NULL, 0);
                same(t, filters[i], (const char *const[]){"params.p", "metrics.m DESC"}, 2);
        }
        same(t, "params.p = 'nowhere'", (const char *const[]){"metrics.m"}, 1);
}

static void test_not_for(void **state) {
        static const char *const by_name[] = {"run_name", "metrics.m"}, *const by_m[] = {
                                                                                "metrics.m"};
        struct tracking_test *t = *state;
        struct runs_search q = parse(t, "", by_name, 2);
        const char **ids;
        size_t n;

        assert_false(runs_rank_can(&q));
        q = parse(t, "", by_m, 1);
        tracking_test_run(t, "a", 1);
        tracking_test_run(t, "b", 2);
        assert_int_equal(runs_rank_find(t->db, &t->arena, &q, 9, 0, &ids, &n), 0);
        assert_int_equal(n, 2);
        /* an id that no server of MLflow makes */
        tracking_test_run(t, "an id that is longer than MLflow's thirty-two letters", 3);
        assert_int_equal(runs_rank_find(t->db, &t->arena, &q, 9, 0, &ids, &n), RUNS_RANK_NOT);
}

/* A metric that very many runs of other experiments have is not read to its end. */
static void test_others(void **state) {
        static const char *const by_m[] = {"metrics.m"};
        struct tracking_test *t = *state;
        struct runs_search q = parse(t, "", by_m, 1);
        const char **ids;
        size_t n;

        fill(t);
        exec(t, "UPDATE runs SET experiment_id = 0 WHERE run_uuid NOT IN (SELECT run_uuid FROM "
                "runs ORDER BY run_uuid LIMIT 9)");
        assert_int_equal(runs_rank_find(t->db, &t->arena, &q, 9, 0, &ids, &n), 0);
        exec(t, "INSERT INTO runs (run_uuid, experiment_id, lifecycle_stage) WITH RECURSIVE c(i) "
                "AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 10100) SELECT 'x' || i, 0, "
                "'active' FROM c");
        exec(t, "INSERT INTO latest_metrics (\"key\", value, timestamp, step, is_nan, run_uuid) "
                "SELECT 'm', 1, 1, 1, 0, run_uuid FROM runs WHERE run_uuid LIKE 'x%'");
        assert_int_equal(runs_rank_find(t->db, &t->arena, &q, 9, 0, &ids, &n), RUNS_RANK_NOT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_db_test(test_orders),
                tracking_db_test(test_not_for),
                tracking_db_test(test_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
