/* What is picked in memory is what the database finds. */
#include "daemons/tracking/runs_pick.h"

#include <math.h>

#include "tests/unit/tracking_test_db.h"

enum { N_RUNS = 200 };

static const int64_t experiments[] = {1};

static void id_of(int i, char (*ret)[40]) {
        snprintf(*ret, sizeof(*ret), "%032x", (unsigned) i * 2654435761U);
}

static void fill(struct tracking_test *t) {
        for (int i = 0; i < N_RUNS; i++) {
                const struct metric m = {.key = "m", .value = i % 10 ? i % 13 : NAN};
                char id[40], value[16];

                id_of(i, &id);
                tracking_test_run(t, id, i % 7);
                if (i % 3)
                        assert_int_equal(metrics_sql_insert(t->db, NULL, id, &m), 0);
                snprintf(value, sizeof(value), "%d", i % 9);
                if (i % 5)
                        assert_int_equal(params_sql_insert(t->db, id, "p", value, &t->arena, NULL),
                                         0);
                if (i % 6 == 1)
                        assert_int_equal(tags_sql_set_one(t->db, id, "t", value), 0);
        }
}

/* Is the run found by the search itself? */
static bool finds(struct tracking_test *t, const struct runs_search *q, const char *id) {
        const struct runs_search_plan plan = {
                .part = RUNS_SEARCH_WHOLE, .driver = -1, .ids_only = true};
        struct search_sql sql;
        struct db_stmt *s;
        bool found = false;

        search_sql_init(&sql, &t->arena);
        runs_search_build(q, &plan, &sql);
        assert_int_equal(search_sql_prepare(&sql, t->db, &s), 0);
        while (db_step(s) == DB_ROW)
                found = found || strcmp(db_col_text(s, 0), id) == 0;
        db_reset(s);
        search_sql_done(&sql);
        return found;
}

static void same(struct tracking_test *t, const char *filter, ssize_t first) {
        struct runs_search q = {.experiment_ids = experiments, .n_experiment_ids = 1};
        struct runs_pick p _cleanup_(runs_pick_done) = {};
        size_t n = 0;

        if (runs_search_parse(&q, filter, NULL, 0, &t->refusal) != 0)
                fail_msg("%s", t->refusal.text);
        assert_true(runs_pick_can(&q));
        assert_int_equal(runs_pick_read(&p, t->db, &t->arena, &q, first), 0);
        for (int i = 0; i < N_RUNS; i++) {
                bool has;
                char id[40];

                id_of(i, &id);
                has = runs_pick_has(&p, id, strlen(id));
                if (has != finds(t, &q, id))
                        fail_msg("%s: run %d is %spicked", filter, i, has ? "" : "not ");
                n += has;
                assert_true(p.excludes || has == !!strstr(runs_pick_list(&p, &t->arena), id));
        }
        assert_true(p.excludes || p.n_left == n);
        assert_int_equal(runs_pick_has(&p, "nobody", 6), p.excludes);
}

static void test_same(void **state) {
        static const char *const filters[] = {
                "metrics.m > 3",
                "metrics.m != 3",
                "metrics.m > 3 AND metrics.m < 9 AND params.p != '2'",
                "params.p LIKE '%1%' AND tags.t IS NOT NULL",
                "metrics.m > 3 AND tags.t IS NULL",
                "tags.t IS NULL AND metrics.m > 3 AND params.p IS NULL",
                "tags.t IS NULL",
                "tags.t IS NULL AND params.p IS NULL",
                "params.p IS NULL",
                "params.p IS NULL AND tags.t IS NULL AND params.nope IS NULL",
                "params.p = '1' AND params.p = '2'",
                "params.nope = '1' AND metrics.m > 3",
                "dataset.name = 'nowhere' AND metrics.m > 3",
        };
        struct tracking_test *t = *state;

        fill(t);
        for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
                for (ssize_t first = -1; first < 2; first++)
                        if (first < 0 || strstr(filters[i], "AND"))
                                same(t, filters[i], first);
}

/* They that are searched, or every run but others. */
static void test_scope(void **state) {
        struct runs_search q = {
                .experiment_ids = experiments, .n_experiment_ids = 1, .view = RUNS_SEARCH_ACTIVE};
        struct tracking_test *t = *state;

        fill(t);
        assert_int_equal(db_exec(t->db, "UPDATE runs SET lifecycle_stage = 'deleted' WHERE rowid % "
                                        "4 = 0"),
                         0);
        for (int other = 0; other < 2; other++) {
                struct runs_pick p _cleanup_(runs_pick_done) = {};

                if (other)
                        assert_int_equal(
                                db_exec(t->db,
                                        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 "
                                        "FROM n WHERE i < 50000) INSERT INTO runs (run_uuid, "
                                        "experiment_id, lifecycle_stage) SELECT printf('x%d', i), "
                                        "0, 'active' FROM n"),
                                0);
                assert_int_equal(runs_pick_read_scope(&p, t->db, &t->arena, &q), 0);
                assert_int_equal(p.excludes, !other);
                for (int i = 0; i < N_RUNS; i++) {
                        char id[40];

                        id_of(i, &id);
                        assert_int_equal(runs_pick_has(&p, id, strlen(id)), finds(t, &q, id));
                }
                if (other)
                        assert_int_equal(p.n_left, N_RUNS - N_RUNS / 4);
        }
}

/* Rows of runs are asked too where values give the order, should many be left. */
static void test_rows_of_runs(void **state) {
        struct runs_search q = {.experiment_ids = experiments, .n_experiment_ids = 1};
        struct runs_pick p _cleanup_(runs_pick_done) = {};
        struct tracking_test *t = *state;
        const char *order = "metrics.m";
        char id[40];

        fill(t);
        assert_int_equal(runs_search_parse(&q, "start_time = 3", NULL, 0, &t->refusal), 0);
        assert_false(runs_pick_can(&q));
        assert_int_equal(
                runs_search_parse(&q, "start_time = 3 AND tags.t IS NULL", &order, 1, &t->refusal),
                0);
        assert_true(runs_pick_can(&q));
        assert_int_equal(runs_pick_read(&p, t->db, &t->arena, &q, -1), 0);
        assert_false(p.excludes);
        for (int i = 0; i < N_RUNS; i++) {
                id_of(i, &id);
                assert_int_equal(runs_pick_has(&p, id, strlen(id)), i % 7 == 3 && i % 6 != 1);
        }
}

/* More than there is room for. */
static void test_too_many(void **state) {
        struct runs_search q = {.experiment_ids = experiments, .n_experiment_ids = 1};
        struct runs_pick p _cleanup_(runs_pick_done) = {};
        struct tracking_test *t = *state;

        if (!db_in_transaction(t->db))
                assert_int_equal(db_begin(t->db, true), 0);
        assert_int_equal(
                db_exec(t->db,
                        "PRAGMA defer_foreign_keys = ON; WITH RECURSIVE n(i) AS (SELECT 0 UNION "
                        "ALL "
                        "SELECT i + 1 FROM n WHERE i < 200000) INSERT INTO params (key, value, "
                        "run_uuid) SELECT 'p', '1', printf('%032x', i) FROM n"),
                0);
        assert_int_equal(runs_search_parse(&q, "params.p = '1'", NULL, 0, &t->refusal), 0);
        assert_int_equal(runs_pick_read(&p, t->db, &t->arena, &q, -1), RUNS_PICK_NOT);
        db_rollback(t->db);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_db_test(test_same),
                tracking_db_test(test_scope),
                tracking_db_test(test_rows_of_runs),
                tracking_db_test(test_too_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
