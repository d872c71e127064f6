/* Whoever is within a bound, and before it, is what the plain order tells. */
#include "daemons/tracking/runs_bound.h"

#include <errno.h>
#include <math.h>

#include "daemons/tracking/runs_find.h"
#include "tests/unit/tracking_test_db.h"

enum { N_RUNS = 3200, N_PAGE = 50 };

static const int64_t experiments[] = {1};

static void fill(struct tracking_test *t) {
        static const char *const fills[] = {
                "INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (7, 'x', "
                "'active')",
                "CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 "
                "FROM c WHERE i < 3199) SELECT i, printf('%032x', i * 40503 % 65536) id "
                "FROM c",
                "INSERT INTO runs (run_uuid, name, user_id, status, start_time, end_time, "
                "lifecycle_stage, artifact_uri, experiment_id) SELECT id, 'run-' || i, 'u' || (i % "
                "90), CASE WHEN i % 50 THEN 'FINISHED' ELSE 'FAILED' END, i, CASE WHEN i % 2 THEN "
                "i "
                "* 7919 % 3203 END, CASE WHEN i % 31 THEN 'active' ELSE 'deleted' END, 'x:/' || "
                "id, "
                "CASE WHEN i % 10 THEN 1 ELSE 7 END FROM n",
                "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) SELECT "
                "'m', i * 7919 % 307 / 307.0, 1, 0, i % 41 = 0, id FROM n WHERE i % 3",
                "INSERT INTO params (key, value, run_uuid) SELECT 'p', i % 10, id FROM n WHERE i % "
                "7",
        };

        for (size_t i = 0; i < ARRAY_SIZE(fills); i++)
                if (db_exec(t->db, fills[i]) != 0)
                        fail_msg("%s: %s", fills[i], db_errmsg(t->db));
}

static struct runs_search parse(struct tracking_test *t, const char *filter, const char *order) {
        struct runs_search q = {
                .experiment_ids = experiments, .n_experiment_ids = 1, .view = RUNS_SEARCH_ACTIVE};

        if (runs_search_parse(&q, filter, &order, 1, &t->refusal) != 0)
                fail_msg("%s", t->refusal.text);
        return q;
}

/* The ids of a page by the plan. */
static size_t read_page(struct tracking_test *t, const struct runs_search *q,
                        const struct runs_search_plan *plan, int64_t offset,
                        char (*ret)[N_PAGE][40]) {
        struct search_sql sql;
        struct db_stmt *s;
        size_t n = 0;

        search_sql_init(&sql, &t->arena);
        runs_search_build(q, plan, &sql);
        search_sql_page(&sql, N_PAGE, offset);
        assert_int_equal(search_sql_prepare(&sql, t->db, &s), 0);
        while (db_step(s) == DB_ROW)
                snprintf((*ret)[n++], sizeof(**ret), "%s", db_col_text(s, 0));
        db_reset(s);
        search_sql_done(&sql);
        return n;
}

static void same(struct tracking_test *t, const struct runs_search *q, struct runs_search_plan plan,
                 int64_t offset, const struct runs_bound *bound) {
        char plain[N_PAGE][40], bounded[N_PAGE][40];
        size_t n = read_page(t, q, &plan, offset, &plain);

        assert_int_equal(n, N_PAGE);
        plan.bound = &bound->clause;
        assert_int_equal(read_page(t, q, &plan,
                                   bound->offset + (plan.part == RUNS_SEARCH_WHOLE ? offset : 0),
                                   &bounded),
                         n);
        for (size_t i = 0; i < n; i++)
                assert_string_equal(bounded[i], plain[i]);
}

static void test_end(void **state) {
        static const char *const orders[] = {
                "run_name", "run_name DESC", "end_time",     "end_time DESC",
                "run_id",   "user_id",       "user_id DESC", "artifact_uri DESC",
        };
        const struct runs_search_plan plan = {
                .part = RUNS_SEARCH_WHOLE, .driver = -1, .ids_only = true};
        struct tracking_test *t = *state;
        struct runs_bound bound;
        struct runs_search q;

        fill(t);
        for (size_t i = 0; i < ARRAY_SIZE(orders); i++)
                for (int64_t offset = 0; offset <= 20; offset += 20) {
                        q = parse(t, "", orders[i]);
                        if (runs_bound_end(t->db, &t->arena, &q, N_RUNS, offset + N_PAGE, &bound) !=
                            0)
                                fail_msg("%s has no bound", orders[i]);
                        same(t, &q, plan, offset, &bound);
                }
        q = parse(t, "user_id != 'u3' AND start_time < 3000", "run_name");
        assert_int_equal(runs_bound_end(t->db, &t->arena, &q, N_RUNS, N_PAGE, &bound), 0);
        same(t, &q, plan, 0, &bound);
}

static void test_no_end(void **state) {
        struct tracking_test *t = *state;
        struct runs_bound bound;
        struct runs_search q;

        fill(t);
        q = parse(t, "", "status DESC"); /* nearly all are */
        assert_int_equal(runs_bound_end(t->db, &t->arena, &q, N_RUNS, N_PAGE, &bound),
                         RUNS_BOUND_NOT);
        q = parse(t, "", "run_name"); /* a part of all that is too large */
        assert_int_equal(runs_bound_end(t->db, &t->arena, &q, N_RUNS, N_RUNS / 10, &bound),
                         RUNS_BOUND_NOT);
        q = parse(t, "status = 'KILLED'", "run_name"); /* none */
        assert_int_equal(runs_bound_end(t->db, &t->arena, &q, N_RUNS, N_PAGE, &bound),
                         RUNS_BOUND_NOT);
}

static void test_begin(void **state) {
        static const char *const orders[] = {"metrics.m", "metrics.m DESC", "params.p",
                                             "params.p DESC"};
        static const int64_t offsets[] = {0, 1, 77, 1000, 1400};
        const struct runs_search_plan plan = {
                .part = RUNS_SEARCH_WITH_VALUE, .driver = -1, .ids_only = true};
        struct tracking_test *t = *state;
        struct runs_bound bound;
        struct runs_search q;

        fill(t);
        for (size_t i = 0; i < ARRAY_SIZE(orders); i++)
                for (size_t k = 0; k < ARRAY_SIZE(offsets); k++) {
                        q = parse(t, "", orders[i]);
                        assert_int_equal(runs_bound_begin(t->db, &t->arena, &q, offsets[k], &bound),
                                         0);
                        assert_true(bound.offset <= offsets[k]);
                        same(t, &q, plan, offsets[k], &bound);
                }
        assert_int_equal(runs_bound_begin(t->db, &t->arena, &q, N_RUNS, &bound), RUNS_BOUND_NOT);
        q = parse(t, "", "metrics.nowhere");
        assert_int_equal(runs_bound_begin(t->db, &t->arena, &q, 0, &bound), RUNS_BOUND_NOT);
}

static void test_first(void **state) {
        struct tracking_test *t = *state;
        struct filter_clause first;
        struct runs_search q;

        fill(t);
        q = parse(t, "", "params.p DESC");
        assert_int_equal(runs_bound_first(t->db, &t->arena, &q, 200, &first), 0);
        assert_int_equal(first.entity, FILTER_PARAM);
        assert_int_equal(first.op, FILTER_EQ);
        assert_string_equal(first.key, "p");
        assert_string_equal(first.text, "9");
        assert_int_equal(runs_bound_first(t->db, &t->arena, &q, 320, &first), RUNS_BOUND_NOT);
        q = parse(t, "", "params.p"); /* 0 is of the other experiment's runs alone */
        assert_int_equal(runs_bound_first(t->db, &t->arena, &q, 200, &first), RUNS_BOUND_NOT);
        q = parse(t, "", "params.nowhere");
        assert_int_equal(runs_bound_first(t->db, &t->arena, &q, 1, &first), RUNS_BOUND_NOT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_db_test(test_end),
                tracking_db_test(test_no_end),
                tracking_db_test(test_begin),
                tracking_db_test(test_first),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
