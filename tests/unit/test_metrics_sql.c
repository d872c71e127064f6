/* The latest value of a key is the one of the greatest step, then time, then value. */
#include <float.h>
#include <math.h>

#include "tests/unit/tracking_test_db.h"

static void add(struct tracking_test *t, const char *key, double value, int64_t at, int64_t step) {
        const struct metric m = {.key = key, .value = value, .at_ms = at, .step = step};

        assert_int_equal(metrics_sql_insert(t->db, NULL, "r", &m), 0);
}

static struct metric latest(struct tracking_test *t, const char *key) {
        DB_USE struct db_stmt *s = metrics_sql_latest(t->db, "r");
        struct metric m = {};

        while (db_step(s) == DB_ROW)
                if (!strcmp(db_col_text(s, 0), key))
                        m = metrics_sql_read(s);
        return m;
}

static size_t count(struct tracking_test *t, const char *key) {
        DB_USE struct db_stmt *s = metrics_sql_history(t->db, "r", key, -1, 0);
        size_t n = 0;

        while (db_step(s) == DB_ROW)
                n++;
        return n;
}

static void test_latest(void **state) {
        struct tracking_test *t = *state;

        tracking_test_run(t, "r", 1);
        add(t, "k", 0.5, 10, 1);
        add(t, "k", 0.25, 5, 2); /* a later step wins over a later time */
        assert_true(latest(t, "k").value == 0.25);
        add(t, "k", 0.75, 99, 1);
        assert_true(latest(t, "k").value == 0.25);
        add(t, "k", 0.1, 6, 2); /* a later time of the same step */
        assert_true(latest(t, "k").value == 0.1);
        add(t, "k", 0.2, 6, 2); /* a greater value of the same moment */
        assert_true(latest(t, "k").value == 0.2);
        add(t, "k", 0.15, 6, 2);
        assert_true(latest(t, "k").value == 0.2);
        assert_int_equal(count(t, "k"), 6);
        add(t, "k", 0.15, 6, 2); /* the same point again is one */
        assert_int_equal(count(t, "k"), 6);
}

/* Many at once are as many as one by one. */
static void test_insert_all(void **state) {
        static const char *const keys[] = {"a", "b", "c", "A", "a/b"};
        struct tracking_test *t = *state;
        struct metric m[330]; /* some in one statement, and a rest */
        uint32_t dice = 7;

        tracking_test_run(t, "r", 1);
        tracking_test_run(t, "all", 1);
        for (size_t i = 0; i < ARRAY_SIZE(m); i++) {
                dice = dice * 1664525 + 1013904223;
                m[i] = (struct metric){.key = keys[dice >> 8 & 3],
                                       .value = (dice >> 12 & 7) == 0 ? NAN
                                                                      : (double) (dice >> 16 & 3),
                                       .at_ms = dice >> 20 & 3,
                                       .step = dice >> 24 & 3};
                assert_int_equal(metrics_sql_insert(t->db, NULL, "r", &m[i]), 0);
        }
        assert_int_equal(metrics_sql_insert_all(t->db, &t->arena, NULL, "all", m, ARRAY_SIZE(m)),
                         0);
        assert_int_equal(metrics_sql_insert_all(t->db, &t->arena, NULL, "all", m, 0), 0);
        for (size_t i = 0; i < 2; i++) {
                DB_USE struct db_stmt *s = NULL;
                const char *sql =
                        i ? "SELECT count(*) FROM (SELECT key, value, timestamp, step, is_nan FROM "
                            "latest_metrics WHERE run_uuid = 'r' INTERSECT SELECT key, value, "
                            "timestamp, step, is_nan FROM latest_metrics WHERE run_uuid = 'all')"
                          : "SELECT count(*) FROM (SELECT key, value, timestamp, step, is_nan FROM "
                            "metrics WHERE run_uuid = 'r' EXCEPT SELECT key, value, timestamp, "
                            "step, is_nan FROM metrics WHERE run_uuid = 'all')";

                assert_int_equal(db_prepare_dynamic(t->db, sql, &s), 0);
                assert_int_equal(db_step(s), DB_ROW);
                assert_int_equal(db_col_i64(s, 0), i ? 4 : 0);
        }
}

static void test_odd_values(void **state) {
        struct tracking_test *t = *state;

        tracking_test_run(t, "r", 1);
        add(t, "nan", NAN, 1, 0);
        add(t, "inf", HUGE_VAL, 1, 0);
        add(t, "minf", -HUGE_VAL, 1, 0);
        assert_true(isnan(latest(t, "nan").value));
        assert_true(latest(t, "inf").value == DBL_MAX);
        assert_true(latest(t, "minf").value == -DBL_MAX);
        add(t, "nan", 0, 1, 0); /* a zero is another point than a NaN */
        assert_int_equal(count(t, "nan"), 2);
        add(t, "nan", 1, 2, 0);
        assert_true(latest(t, "nan").value == 1);
}

static void test_sample(void **state) {
        struct tracking_test *t = *state;
        DB_USE struct db_stmt *s = NULL;
        DB_USE struct db_stmt *end = NULL;
        int64_t last = -1;
        size_t n = 0;

        tracking_test_run(t, "r", 1);
        for (int i = 0; i < 100; i++)
                add(t, "k", i, i, i);
        s = metrics_sql_sample(t->db, "r", "k", 10, 0, 49);
        while (db_step(s) == DB_ROW) {
                struct metric m = metrics_sql_read(s);

                assert_string_equal(m.key, "k");
                assert_true(m.step > last);
                last = m.step;
                n++;
        }
        assert_int_equal(n, 10);
        assert_int_equal(last, 45);
        end = metrics_sql_last(t->db, "r", "k", 0, 49);
        assert_int_equal(db_step(end), DB_ROW);
        assert_int_equal(metrics_sql_read(end).step, 49);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_db_test(test_latest),
                tracking_db_test(test_insert_all),
                tracking_db_test(test_odd_values),
                tracking_db_test(test_sample),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
