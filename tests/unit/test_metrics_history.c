/* What is read and sorted here is what the database gives by sorting. */
#include "daemons/tracking/metrics_history.h"

#include <math.h>

#include "tests/unit/tracking_test_db.h"

enum { N_MAX = 500, N_LONG = 30000 };

struct seen {
        struct metric points[N_LONG];
        size_t n, n_again;
};

static void see(void *ctx, const struct metric *m) {
        struct seen *seen = ctx;

        assert_true(seen->n < N_LONG);
        assert_string_equal(m->key, "k");
        seen->points[seen->n++] = *m;
}

static void forget(void *ctx) {
        struct seen *seen = ctx;

        seen->n = 0;
        seen->n_again++;
}

static bool same_value(double a, double b) {
        return a == b || (isnan(a) && isnan(b));
}

/* How often all was told again. */
static size_t same(struct tracking_test *t, const char *run_id, int64_t limit, int64_t offset) {
        DB_USE struct db_stmt *s = metrics_sql_history(t->db, run_id, "k", limit, offset);
        static struct seen seen;
        const struct metrics_history_to to = {see, forget, &seen};
        size_t n = 0;

        seen.n = seen.n_again = 0;
        assert_int_equal(metrics_history(t->db, run_id, "k", limit, offset, &to), 0);
        while (db_step(s) == DB_ROW) {
                struct metric m = metrics_sql_read(s);

                assert_true(n < seen.n);
                assert_int_equal(seen.points[n].at_ms, m.at_ms);
                assert_int_equal(seen.points[n].step, m.step);
                assert_true(same_value(seen.points[n].value, m.value));
                n++;
        }
        assert_int_equal(seen.n, n);
        return seen.n_again;
}

static void log_point(struct tracking_test *t, const char *run_id, double value, int64_t at_ms,
                      int64_t step) {
        const struct metric m = {.key = "k", .value = value, .at_ms = at_ms, .step = step};

        assert_int_equal(metrics_sql_insert(t->db, NULL, run_id, &m), 0);
}

static void all_pages(struct tracking_test *t, const char *run_id) {
        static const int64_t limits[] = {0, 1, 2, 99, N_MAX - 1, N_MAX, INT64_MAX};
        static const int64_t offsets[] = {0, 1, 100, N_MAX - 1, N_MAX, N_MAX + 1, INT64_MAX};

        for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
                for (size_t k = 0; k < ARRAY_SIZE(offsets); k++)
                        (void) same(t, run_id, limits[i], offsets[k]);
}

static void test_in_order(void **state) {
        struct tracking_test *t = *state;

        tracking_test_run(t, "r", 1);
        tracking_test_run(t, "other", 1);
        for (int i = 0; i < N_MAX; i++) {
                log_point(t, "r", i % 7 ? i : NAN, 1000 + i / 3, i);
                log_point(t, "other", i, i, i);
        }
        all_pages(t, "r");
        all_pages(t, "nobody");
}

static void test_in_any_order(void **state) {
        struct tracking_test *t = *state;

        tracking_test_run(t, "r", 1);
        for (int i = 0; i < N_MAX; i++) {
                unsigned dice = (unsigned) i * 2654435761u;

                log_point(t, "r", (int) (dice >> 8) % 100 - 50, dice % 41, i % 23 - 5);
        }
        all_pages(t, "r");
}

/* Same time, step and stored value: as they were logged. */
static void test_nan_beside_zero(void **state) {
        struct tracking_test *t = *state;

        tracking_test_run(t, "r", 1);
        log_point(t, "r", 5, 9, 1);
        log_point(t, "r", NAN, 2, 2);
        log_point(t, "r", 0, 2, 2);
        log_point(t, "r", -1, 2, 2);
        log_point(t, "r", 0, 1, 3);
        log_point(t, "r", NAN, 1, 3);
        all_pages(t, "r");
}

/* So many that they are told while more are read; at last one comes that is the first of all, or in
 * the midst of them. */
static void test_long(void **state) {
        static const int64_t limits[] = {1, 5000, 8193, 20000, N_LONG, INT64_MAX};
        static const int64_t offsets[] = {0, 1, 4096, 8192, 20011, N_LONG};
        struct tracking_test *t = *state;

        tracking_test_run(t, "r", 1);
        assert_int_equal(db_exec(t->db,
                                 "INSERT INTO metrics (\"key\", value, timestamp, run_uuid, step, "
                                 "is_nan) WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 "
                                 "FROM c WHERE i < 29998) SELECT 'k', i, i, 'r', i, 0 FROM c"),
                         0);
        for (int early = 0; early < 2; early++) {
                for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
                        for (size_t k = 0; k < ARRAY_SIZE(offsets); k++)
                                assert_int_equal(same(t, "r", limits[i], offsets[k]), early);
                if (!early)
                        log_point(t, "r", 1, -1, N_LONG);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_db_test(test_in_order),
                tracking_db_test(test_in_any_order),
                tracking_db_test(test_nan_beside_zero),
                tracking_db_test(test_long),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
