/* Every plan of a search gives the rows of the plain one, in the same order, page by page. */
#include "daemons/tracking/runs_find.h"

#include <errno.h>
#include <math.h>

#include "lib/base/str.h"
#include "tests/unit/runs_way_test.h"
#include "tests/unit/tracking_test_db.h"

enum { N_RUNS = 5000 }; /* enough for the plans of large experiments */

struct ids {
        char text[N_RUNS][8];
        size_t n;
};

static int keep(void *ctx, const struct run *run) {
        struct ids *ids = ctx;

        snprintf(ids->text[ids->n++], sizeof(*ids->text), "%s", run->id);
        return 0;
}

/* Every tenth run has dataset d0 to d9, in two contexts; some have two. */
static void fill_datasets(struct tracking_test *t) {
        static const char *const fills[] = {
                "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, "
                "dataset_source_type, dataset_source) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL "
                "SELECT i + 1 FROM n WHERE i < 9) SELECT 'u' || i, 1, 'd' || i, 'g' || (i % 2), "
                "'local', '{}' FROM n",
                "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, "
                "destination_id) SELECT 'i' || run_uuid, 'DATASET', 'u' || (rowid / 10 % 10), "
                "'RUN', run_uuid FROM runs WHERE rowid % 10 = 0",
                "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, "
                "destination_id) SELECT 'k' || run_uuid, 'DATASET', 'u3', 'RUN', run_uuid FROM "
                "runs WHERE rowid % 40 = 0 AND rowid / 10 % 10 != 3",
                "INSERT INTO input_tags (input_uuid, name, value) SELECT input_uuid, "
                "'mlflow.data.context', CASE WHEN source_id = 'u4' THEN 'test' ELSE 'train' END "
                "FROM inputs",
        };

        for (size_t i = 0; i < ARRAY_SIZE(fills); i++)
                if (db_exec(t->db, fills[i]) != 0)
                        fail_msg("%s: %s", fills[i], db_errmsg(t->db));
}

static void fill(struct tracking_test *t) {
        for (int i = 0; i < N_RUNS; i++) {
                char id[16], value[16];

                snprintf(id, sizeof(id), "r%05d", i * 7919 % N_RUNS);
                tracking_test_run(t, id, i % 100);
                if (i % 3) {
                        const struct metric m = {.key = "m", .value = i % 50 ? i % 17 : NAN};

                        assert_int_equal(metrics_sql_insert(t->db, NULL, id, &m), 0);
                }
                snprintf(value, sizeof(value), "%d", i % 10);
                assert_int_equal(params_sql_insert(t->db, id, "p", value, &t->arena, NULL), 0);
                if (i % 1000 == 1)
                        assert_int_equal(tags_sql_set_one(t->db, id, "rare", "yes"), 0);
        }
        fill_datasets(t);
}

/* The search by the plain plan: what the others must equal. */
static void plain(struct tracking_test *t, const struct runs_search *q, struct ids *ret) {
        const struct runs_search_plan plan = {.part = RUNS_SEARCH_WHOLE, .driver = -1};
        struct search_sql sql;
        struct db_stmt *s;

        ret->n = 0;
        search_sql_init(&sql, &t->arena);
        runs_search_build(q, &plan, &sql);
        assert_int_equal(search_sql_prepare(&sql, t->db, &s), 0);
        while (db_step(s) == DB_ROW)
                snprintf(ret->text[ret->n++], sizeof(*ret->text), "%s", db_col_text(s, 0));
        db_reset(s);
        search_sql_done(&sql);
}

static void same_pages_by(struct tracking_test *t, const char *filter, const char *const *order,
                          size_t n_order) {
        static struct ids whole, found;
        static const int64_t experiments[] = {1};
        struct runs_search q = {
                .experiment_ids = experiments, .n_experiment_ids = 1, .view = RUNS_SEARCH_ACTIVE};
        const int64_t pages[] = {1, 700, 1667, 9999};
        int64_t total;

        if (runs_search_parse(&q, filter, order, n_order, &t->refusal) != 0)
                fail_msg("%s", t->refusal.text);
        plain(t, &q, &whole);
        assert_int_equal(runs_find_count(t->db, &t->arena, &q, USEC_PER_MINUTE, &total), 0);
        assert_int_equal(total, whole.n);
        for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
                found.n = 0;
                for (int64_t at = 0; at <= (int64_t) whole.n; at += pages[i]) {
                        if (at > 60 && pages[i] == 1)
                                break;
                        /* every other page is tried for as good as no time */
                        assert_int_equal(runs_find_within(t->db, &t->arena, &q, pages[i], at,
                                                          at / pages[i] % 2 ? 1 : USEC_PER_MINUTE,
                                                          keep, &found),
                                         0);
                }
                for (size_t k = 0; k < found.n; k++)
                        assert_string_equal(found.text[k], whole.text[k]);
                if (pages[i] > 1)
                        assert_int_equal(found.n, whole.n);
        }
}

static void same_pages(struct tracking_test *t, const char *filter, const char *order) {
        same_pages_by(t, filter, &order, order ? 1 : 0);
}

static int count(void *ctx, const struct run *run) {
        size_t *n = ctx;

        ++*n;
        return run ? 0 : -EINVAL;
}

static void test_no_time_to_count(void **state) {
        static const int64_t experiments[] = {1};
        struct runs_search q = {.experiment_ids = experiments, .n_experiment_ids = 1};
        struct tracking_test *t = *state;
        int64_t n = 0;

        fill(t);
        assert_int_equal(runs_search_parse(&q, "params.p LIKE '%3%'", NULL, 0, &t->refusal), 0);
        assert_int_equal(runs_find_count(t->db, &t->arena, &q, 1, &n), -ETIME);
        q.n_experiment_ids = 0;
        assert_int_equal(runs_find_count(t->db, &t->arena, &q, 1, &n), 0);
        assert_int_equal(n, 0);
}

static void test_plans(void **state) {
        struct tracking_test *t = *state;

        fill(t);
        same_pages(t, "", NULL);
        same_pages(t, "", "metrics.m DESC");
        same_pages(t, "", "attributes.run_id");
        same_pages(t, "", "attributes.run_id DESC");
        same_pages(t, "", "attributes.artifact_uri");
        same_pages(t, "", "metrics.m");
        same_pages(t, "params.p = '3'", "metrics.m DESC");
        same_pages(t, "metrics.m > 14", "metrics.m");
        same_pages(t, "metrics.m != 3", "metrics.m");
        same_pages(t, "tags.rare = 'yes'", "metrics.m DESC");
        same_pages(t, "tags.rare = 'yes' AND params.p = '1'", NULL);
        same_pages(t, "tags.rare IS NULL AND start_time > 50", "metrics.m");
        same_pages(t, "metrics.nope > 1", "metrics.nope");
        same_pages(t, "", "metrics.nope");
        same_pages(t, "", "params.p DESC");
        same_pages(t, "", "params.p");
        same_pages(t, "", "tags.rare");
        same_pages(t, "tags.rare IS NOT NULL", "tags.rare DESC");
        same_pages(t, "params.p != '3'", "params.p");
        same_pages(t, "params.p LIKE '%3%'", "params.p DESC");
        same_pages(t, "params.p ILIKE 'x%'", NULL);
        same_pages(t, "params.p = '3' AND params.p = '4'", NULL);
        same_pages(t, "params.p != '3' AND params.p LIKE '%'", NULL);
        same_pages(t, "metrics.m > 3 AND metrics.m < 5", "end_time");
        same_pages(t, "metrics.m > 3 AND metrics.m != 5", NULL);
        same_pages(t, "params.p = '3' AND metrics.m > 10", "status DESC");
        same_pages(t, "params.p = '3' AND params.none IS NULL", "run_name");
        same_pages(t, "run_name LIKE 'r000%'", NULL);
        same_pages(t, "run_name = 'r00017' AND tags.rare = 'yes'", "metrics.m");
        same_pages(t, "run_name LIKE '%3%'", "params.p");
        same_pages(t, "metrics.m > 3 AND params.p = '3' AND tags.rare IS NULL", NULL);
        same_pages(t, "metrics.m > 3 AND params.p != '3' AND tags.rare IS NULL", "params.p DESC");
        same_pages(t, "params.p IS NULL", NULL);
        same_pages(t, "params.p IS NULL AND metrics.m > 3", "metrics.m");
        same_pages(t, "tags.rare IS NULL AND params.p IS NOT NULL", "start_time");
        same_pages(t, "params.p IS NULL AND tags.rare IS NULL", "metrics.m");
        same_pages(t, "tags.nope IS NULL", "params.p");
        same_pages(t, "tags.rare IS NULL", "run_name DESC");
}

static void test_plans_of_datasets(void **state) {
        static const char *const filters[] = {
                "dataset.name = 'd3'",
                "dataset.name = 'd3' AND dataset.name = 'd4'",
                "dataset.name LIKE 'd%' AND metrics.m > 3",
                "dataset.digest != 'g1' AND params.p != '3'",
                "dataset.context = 'test'",
                "dataset.context = 'train' AND tags.rare IS NULL",
                "dataset.name = 'nowhere'",
                "dataset.name IN ('d1', 'd2') AND start_time < 40",
                "dataset.name ILIKE 'D5' AND dataset.digest = 'g1' AND run_name LIKE '%1%'",
        };
        static const char *const orders[] = {NULL, "metrics.m DESC", "run_name", "params.p"};
        struct tracking_test *t = *state;

        fill(t);
        for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
                same_pages(t, filters[i], orders[i % ARRAY_SIZE(orders)]);
        }
}

/* What the runs' own rows tell, in the order of values. */
static void test_plans_of_rows(void **state) {
        static const char *const filters[] = {
                "start_time > 90",
                "start_time > 20 AND start_time <= 40 AND params.p = '3'",
                "status = 'RUNNING' AND metrics.m > 3",
                "status = 'KILLED'",
                "user_id != 'nobody' AND tags.rare IS NULL",
                "run_id IN ('r00017', 'r04999', 'nobody')",
                "artifact_uri LIKE '%nowhere%' AND params.p != '3'",
        };
        static const char *const orders[] = {"metrics.m", "params.p DESC", "tags.rare"};
        struct tracking_test *t = *state;

        fill(t);
        for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
                same_pages(t, filters[i], orders[i % ARRAY_SIZE(orders)]);
        }
}

static void test_plans_by_several(void **state) {
        static const char *const orders[][2] = {
                {"status", "metrics.m DESC"},        {"params.p DESC", "metrics.m"},
                {"end_time DESC", "tags.rare DESC"}, {"metrics.m", "start_time"},
                {"metrics.nope", "params.p"},        {"run_name DESC", "metrics.m"},
                {"start_time", "metrics.m DESC"},
        };
        struct tracking_test *t = *state;

        fill(t);
        for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
                same_pages_by(t, "", orders[i], 2);
                same_pages_by(t, "params.p != '3'", orders[i], 2);
        }
}

static void test_far_offset(void **state) {
        static const int64_t experiments[] = {1};
        struct runs_search q = {.experiment_ids = experiments, .n_experiment_ids = 1};
        const char *order = "metrics.m";
        struct tracking_test *t = *state;
        size_t n = 0;

        fill(t);
        assert_int_equal(runs_search_parse(&q, "", &order, 1, &t->refusal), 0);
        assert_int_equal(runs_find(t->db, &t->arena, &q, 9, INT64_MAX, count, &n), 0);
        assert_int_equal(n, 0);
        assert_int_equal(runs_find(t->db, &t->arena, &q, 9, INT64_MIN, count, &n), 0);
        assert_int_equal(n, 9);
}

/* Does SQLite go the way that the plan was made for? */
static void uses(struct tracking_test *t, const char *filter, const char *order,
                 struct runs_search_plan plan, const char *needed, const char *unwanted) {
        static const int64_t experiments[] = {1};
        struct runs_search q = {
                .experiment_ids = experiments, .n_experiment_ids = 1, .view = RUNS_SEARCH_ACTIVE};
        struct search_sql sql;
        struct db_stmt *s;
        struct buf said = {};

        assert_int_equal(runs_search_parse(&q, filter, &order, order ? 1 : 0, &t->refusal), 0);
        search_sql_init(&sql, &t->arena);
        search_sql_add(&sql, "EXPLAIN QUERY PLAN ");
        plan.ids_only = true;
        runs_search_build(&q, &plan, &sql);
        search_sql_page(&sql, 100, 0);
        assert_int_equal(search_sql_prepare(&sql, t->db, &s), 0);
        while (db_step(s) == DB_ROW)
                buf_printf(&said, "%s\n", db_col_text(s, 3));
        if (!strstr(buf_cstr(&said), needed) || (unwanted && strstr(buf_cstr(&said), unwanted)))
                fail_msg("%s, %s: wanted %s without %s:\n%s", filter, order ? order : "", needed,
                         unwanted ? unwanted : "-", buf_cstr(&said));
        db_reset(s);
        search_sql_done(&sql);
        buf_done(&said);
}

static void test_indexes_are_used(void **state) {
        const struct runs_search_plan whole = {.part = RUNS_SEARCH_WHOLE, .driver = -1};
        const struct runs_search_plan walk = {.part = RUNS_SEARCH_WITH_VALUE, .driver = -1};
        const struct runs_search_plan picked = {
                .part = RUNS_SEARCH_WHOLE, .driver = -1, .picks = true};
        const struct runs_search_plan picked_walk = {
                .part = RUNS_SEARCH_WITH_VALUE, .driver = -1, .picks = true};
        const struct runs_search_plan listed = {
                .part = RUNS_SEARCH_WHOLE, .driver = -1, .picks = true, .picked = "[\"a\"]"};
        const struct runs_search_plan without = {.part = RUNS_SEARCH_WITHOUT_VALUE, .driver = -1};
        const struct runs_search_plan nan = {.part = RUNS_SEARCH_NAN, .driver = -1};
        const struct runs_search_plan scan = {
                .part = RUNS_SEARCH_WHOLE, .driver = -1, .scans = true};
        const struct runs_search_plan driven = {.part = RUNS_SEARCH_WHOLE, .driver = 0};
        struct tracking_test *t = *state;

        uses(t, "", NULL, whole, "COVERING INDEX onebox_runs_listed", "TEMP B-TREE");
        uses(t, "params.p = '3'", NULL, picked, "COVERING INDEX onebox_runs_listed", "params");
        uses(t, "params.p = '3'", "metrics.m", picked_walk,
             "o0 USING COVERING INDEX onebox_latest_metrics_value", "params");
        uses(t, "params.p = '3'", "metrics.m", listed,
             "SEARCH runs USING INDEX sqlite_autoindex_runs_1 (run_uuid=?)", "SCAN runs");
        uses(t, "", "end_time DESC", whole, "COVERING INDEX onebox_runs_listed",
             "INDEX onebox_runs_newest");
        uses(t, "", "run_name", whole, "COVERING INDEX onebox_runs_listed", NULL);
        uses(t, "status = 'FAILED'", NULL, whole, "COVERING INDEX onebox_runs_listed",
             "TEMP B-TREE");
        uses(t, "params.p = '3'", NULL, whole, "COVERING INDEX onebox_runs_listed", "TEMP B-TREE");
        uses(t, "", "metrics.m DESC", walk, "o0 USING COVERING INDEX onebox_latest_metrics_value",
             "SCAN runs");
        uses(t, "", "params.p", without, "COVERING INDEX onebox_runs_listed", "TEMP B-TREE");
        uses(t, "", "metrics.m", without, "COVERING INDEX onebox_runs_listed", "TEMP B-TREE");
        uses(t, "", "metrics.m", nan, "o0 USING COVERING INDEX onebox_latest_metrics_value",
             "SCAN runs");
        uses(t, "", "artifact_uri", scan, "SCAN runs", "INDEX");
        uses(t, "", "params.p", walk, "o0 USING COVERING INDEX onebox_params_value", "SCAN runs");
        uses(t, "", "tags.t DESC", walk, "o0 USING COVERING INDEX onebox_tags_value", "SCAN runs");
        uses(t, "params.p = '3'", NULL, driven,
             "v USING COVERING INDEX onebox_params_value (key=? AND value=?)", "SCAN");
        uses(t, "params.p LIKE '%3'", NULL, driven,
             "v USING COVERING INDEX onebox_params_value (key=?)", "SCAN");
        uses(t, "tags.t LIKE '%3'", NULL, driven,
             "v USING COVERING INDEX onebox_tags_value (key=?)", "SCAN");
        uses(t, "metrics.m > 3", NULL, driven, "v USING COVERING INDEX onebox_latest_metrics_value",
             "SCAN");
}

/* How many values are the one that comes first. */
static void ties(struct tracking_test *t, const char *order, int64_t max, int64_t n) {
        static const int64_t experiments[] = {1};
        struct runs_search q = {.experiment_ids = experiments, .n_experiment_ids = 1};
        struct search_sql sql;
        struct db_stmt *s;

        assert_int_equal(runs_search_parse(&q, "", &order, 1, &t->refusal), 0);
        search_sql_init(&sql, &t->arena);
        runs_search_build_ties(&q, max, &sql);
        assert_int_equal(search_sql_prepare(&sql, t->db, &s), 0);
        assert_int_equal(db_step(s), DB_ROW);
        assert_int_equal(db_col_i64(s, 0), n);
        db_reset(s);
        search_sql_done(&sql);
}

static void test_first_ties(void **state) {
        struct tracking_test *t = *state;
        int n_first = 0, n_last = 0;

        fill(t);
        for (int i = 0; i < N_RUNS; i++) {
                n_first += i % 3 && i % 50 && i % 17 == 0;
                n_last += i % 3 && i % 50 && i % 17 == 16;
        }
        ties(t, "metrics.m", N_RUNS, n_first);
        ties(t, "metrics.m DESC", N_RUNS, n_last);
        ties(t, "params.p DESC", N_RUNS, N_RUNS / 10);
        ties(t, "params.p DESC", 17, 17);
        ties(t, "tags.rare", N_RUNS, N_RUNS / 1000);
        ties(t, "metrics.nope", N_RUNS, 0);
}

static void test_ties(void **state) {
        struct tracking_test *t = *state;
        static const int64_t experiments[] = {1};
        struct runs_search q = {.experiment_ids = experiments, .n_experiment_ids = 1};
        static struct ids found;

        found.n = 0;
        tracking_test_run(t, "b", 5);
        tracking_test_run(t, "a", 5);
        tracking_test_run(t, "c", 9);
        assert_int_equal(runs_find(t->db, &t->arena, &q, 10, 0, keep, &found), 0);
        assert_int_equal(found.n, 3);
        assert_string_equal(found.text[0], "c");
        assert_string_equal(found.text[1], "a");
        assert_string_equal(found.text[2], "b");
}

static int stop_at_two(void *ctx, const struct run *run) {
        size_t *n = ctx;

        return ++*n == 2 ? -ECANCELED : 0;
}

static void test_stop(void **state) {
        struct tracking_test *t = *state;
        static const int64_t experiments[] = {1};
        struct runs_search q = {.experiment_ids = experiments, .n_experiment_ids = 1};
        size_t n = 0;

        for (char id[] = "a"; *id < 'f'; ++*id)
                tracking_test_run(t, id, 1);
        assert_int_equal(runs_find(t->db, &t->arena, &q, 10, 0, stop_at_two, &n), -ECANCELED);
        assert_int_equal(n, 2);
        q.n_experiment_ids = 0;
        assert_int_equal(runs_find(t->db, &t->arena, &q, 10, 0, stop_at_two, &n), 0);
}

/* 10,000 runs as a bench makes them: metrics that are spread, params and tags of few values and of
 * many. */
static void fill_many(struct tracking_test *t) {
        static const char *const fills[] = {
                "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, "
                "user_id, "
                "status, start_time, source_version, lifecycle_stage, artifact_uri, experiment_id) "
                "SELECT printf('%032x', i), 'run-' || i, 'UNKNOWN', '', '', 'u', "
                "CASE WHEN i % 50 THEN 'FINISHED' ELSE 'FAILED' END, i, '', 'active', '', 1 FROM n",
                "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) "
                "SELECT k, (i * 7919 % 10007) / 10007.0, 1, 0, 0, printf('%032x', i) FROM n, "
                "(SELECT 'acc' k UNION ALL SELECT 'loss')",
                "INSERT INTO params (key, value, run_uuid) SELECT 'lr', i % 10, printf('%032x', i) "
                "FROM n",
                "INSERT INTO params (key, value, run_uuid) SELECT 'seed', 's' || i, "
                "printf('%032x', i) FROM n",
                "INSERT INTO tags (key, value, run_uuid) SELECT 'team', 'team-' || (i % 4), "
                "printf('%032x', i) FROM n",
                "INSERT INTO tags (key, value, run_uuid) SELECT 'mlflow.runName', 'run-' || i, "
                "printf('%032x', i) "
                "FROM n",
        };

        for (size_t i = 0; i < ARRAY_SIZE(fills); i++) {
                char *sql = arena_printf(&t->arena,
                                         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                                         "FROM n WHERE i < 10000) %s",
                                         fills[i]);

                if (db_exec(t->db, sql) != 0)
                        fail_msg("%s: %s", sql, db_errmsg(t->db));
        }
}

/* The ways of what people ask, by what this database counts. */
static void test_ways(void **state) {
        static const struct {
                const char *filter, *order, *way;
        } rows[] = {
                {"metrics.acc > 0.5 AND params.lr = '3'", "metrics.acc DESC", "walk, then pick"},
                {"", NULL, "list"},
                {"", "attributes.start_time DESC", "list"},
                {"", "metrics.acc DESC", "walk"},
                {"", "params.lr", "walk"},
                {"", "attributes.status", "list"},
                {"attributes.status = 'FAILED'", "attributes.start_time DESC", "list"},
                {"params.lr = '3'", NULL, "list, then pick"},
                {"params.lr = '3'", "attributes.start_time DESC", "list, then pick"},
                {"params.seed LIKE 's77%'", NULL, "clause 0"},
                {"params.seed LIKE '%nowhere%'", "metrics.acc DESC", "clause 0"},
                {"tags.team = 'team-3'", "attributes.start_time DESC", "list, then pick"},
                {"tags.team = 'nobody'", "attributes.start_time DESC", "clause 0"},
                {"run_name = 'run-77'", NULL, "clause 0"},
                {"metrics.acc > 0.5 AND metrics.loss < 0.7", "metrics.acc DESC", "walk, then pick"},
                {"metrics.acc > 0.99 AND params.lr = '3'", "metrics.loss", "clause 0"},
                {"attributes.status = 'FAILED'", "metrics.acc", "walk, then pick"},
                {"dataset.name = 'd3'", NULL, "list, then pick"},
                {"dataset.name = 'd3'", "attributes.run_name", "list, then pick"},
                {"", "attributes.status", "list"},
                {"metrics.acc > 0.5 AND params.seed = 's9'", "metrics.acc", "clause 1"},
        };
        static const int64_t experiments[] = {1};
        struct tracking_test *t = *state;

        fill_many(t);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct runs_search q = {.experiment_ids = experiments,
                                        .n_experiment_ids = 1,
                                        .view = RUNS_SEARCH_ACTIVE};
                struct runs_way way;
                char room[64];

                if (runs_search_parse(&q, rows[i].filter, &rows[i].order, rows[i].order ? 1 : 0,
                                      &t->refusal) != 0)
                        fail_msg("%s", t->refusal.text);
                assert_int_equal(runs_find_way(t->db, &t->arena, &q, 100, 0, &way), 0);
                if (!str_eq(runs_way_said(&way, &room), rows[i].way))
                        fail_msg("%s by %s: %s, not %s", rows[i].filter,
                                 rows[i].order ? rows[i].order : "none", room, rows[i].way);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_db_test(test_plans),
                tracking_db_test(test_no_time_to_count),
                tracking_db_test(test_plans_by_several),
                tracking_db_test(test_plans_of_datasets),
                tracking_db_test(test_plans_of_rows),
                tracking_db_test(test_far_offset),
                tracking_db_test(test_indexes_are_used),
                tracking_db_test(test_ties),
                tracking_db_test(test_stop),
                tracking_db_test(test_first_ties),
                tracking_db_test(test_ways),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
