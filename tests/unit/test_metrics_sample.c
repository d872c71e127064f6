/* Sampling by single seeks gives the points that sorting them all gives. */
#include "daemons/tracking/metrics_sample.h"

#include <math.h>

#include "tests/unit/tracking_test_db.h"

enum { N_MAX = 2000 };

static void fill(struct tracking_test *t, const char *run_id, int n, int n_per_step, int from_to,
                 unsigned seed) {
        tracking_test_run(t, run_id, 1);
        for (int i = 0; i < n; i++) {
                unsigned dice = (unsigned) i * 2654435761u + seed;
                const struct metric m = {.key = "k",
                                         .value = dice % 97 ? (double) (dice >> 8) : NAN,
                                         .at_ms = dice % 5,
                                         .step = i / n_per_step * from_to - 3};

                assert_int_equal(metrics_sql_insert(t->db, NULL, run_id, &m), 0);
        }
}

static void same(struct tracking_test *t, const char *run_id, int64_t n_max, int64_t first,
                 int64_t last) {
        DB_USE struct db_stmt *s = NULL;
        const struct metrics_sample of = {"k", n_max, first, last};
        struct metric *points;
        size_t n = 0, n_found;
        int64_t n_passed;

        assert_int_equal(
                metrics_sample(t->db, &t->arena, run_id, &of, &points, &n_found, &n_passed), 0);
        s = metrics_sql_sample(t->db, run_id, "k", n_max, first, last);
        while (db_step(s) == DB_ROW) {
                struct metric m = metrics_sql_read(s);

                assert_true(n < n_found);
                assert_int_equal(points[n].step, m.step);
                assert_int_equal(points[n].at_ms, m.at_ms);
                assert_true(points[n].value == m.value ||
                            (isnan(points[n].value) && isnan(m.value)));
                n++;
        }
        assert_int_equal(n, n_found);
}

static void test_same_points(void **state) {
        static const int per_step[] = {1, 2, 7, 60, 500, N_MAX};
        static const int64_t wanted[] = {1, 2, 3, 10, 99, 320, N_MAX - 1, N_MAX, N_MAX + 1};
        struct tracking_test *t = *state;
        char id[16];

        for (size_t i = 0; i < ARRAY_SIZE(per_step); i++) {
                snprintf(id, sizeof(id), "r%zu", i);
                fill(t, id, N_MAX, per_step[i], 1, (unsigned) i);
                for (size_t k = 0; k < ARRAY_SIZE(wanted); k++) {
                        same(t, id, wanted[k], INT64_MIN, INT64_MAX);
                        same(t, id, wanted[k], 0, 20);
                        same(t, id, wanted[k], 2, 2);
                        same(t, id, wanted[k], 5000, 6000);
                }
        }
        same(t, "nobody", 10, INT64_MIN, INT64_MAX);
}

/* Whatever is guessed of their number. */
static void test_even_steps_and_others(void **state) {
        static const int from_to[] = {1, 10, 1000000};
        static const int64_t wanted[] = {1, 3, 320, 999, N_MAX, N_MAX + 2};
        struct tracking_test *t = *state;
        const struct metric late = {.key = "k", .step = 10 * N_MAX},
                            twice = {.key = "k", .step = 7};
        char id[16];

        for (size_t i = 0; i < ARRAY_SIZE(from_to); i++) {
                struct metrics_sample of = {"k", 1, INT64_MIN, (N_MAX - 1) * from_to[i] - 3};
                int64_t n;

                snprintf(id, sizeof(id), "r%zu", i);
                fill(t, id, N_MAX, 1, from_to[i], (unsigned) i);
                assert_int_equal(metrics_sample_guess(t->db, id, &of, &n), 0);
                assert_int_equal(n, N_MAX);
                for (size_t k = 0; k < ARRAY_SIZE(wanted); k++)
                        same(t, id, wanted[k], INT64_MIN, of.last_step);
        }
        for (int i = 0; i < 2; i++) {
                assert_int_equal(metrics_sql_insert(t->db, NULL, "r0", i ? &twice : &late), 0);
                for (size_t k = 0; k < ARRAY_SIZE(wanted); k++) {
                        same(t, "r0", wanted[k], INT64_MIN, late.step);
                        same(t, "r0", wanted[k], 5, late.step);
                        same(t, "r0", wanted[k], -3, N_MAX - 4);
                }
        }
}

/* More points than marks are left for at once. */
static void test_long_parts(void **state) {
        struct tracking_test *t = *state;

        tracking_test_run(t, "r", 1);
        assert_int_equal(db_exec(t->db,
                                 "INSERT INTO metrics (\"key\", value, timestamp, run_uuid, step, "
                                 "is_nan) WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 "
                                 "FROM c WHERE i < 9999) SELECT 'k', i, i, 'r', i, 0 FROM c"),
                         0);
        same(t, "r", 3, 0, 9999);
        same(t, "r", 19, 0, 9999);
        same(t, "r", 3, 5, INT64_MAX);
        assert_int_equal(db_exec(t->db, "DELETE FROM metrics WHERE step BETWEEN 1000 AND 6000"), 0);
        same(t, "r", 3, 0, 9999);
        same(t, "r", 19, 0, 9999);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_db_test(test_same_points),
                tracking_db_test(test_even_steps_and_others),
                tracking_db_test(test_long_parts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
