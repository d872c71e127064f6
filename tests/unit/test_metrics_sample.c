/* Sampling by single seeks gives the points that sorting them all gives. */
#include "daemons/tracking/metrics_sample.h"

#include <math.h>

#include "tests/unit/tracking_test_db.h"

enum { N_MAX = 2000 };

static void fill(struct tracking_test *t, const char *run_id, int n, int n_per_step,
                 unsigned seed) {
        tracking_test_run(t, run_id, 1);
        for (int i = 0; i < n; i++) {
                unsigned dice = (unsigned) i * 2654435761u + seed;
                const struct metric m = {.key = "k",
                                         .value = dice % 97 ? (double) (dice >> 8) : NAN,
                                         .at_ms = dice % 5,
                                         .step = i / n_per_step - 3};

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
                fill(t, id, N_MAX, per_step[i], (unsigned) i);
                for (size_t k = 0; k < ARRAY_SIZE(wanted); k++) {
                        same(t, id, wanted[k], INT64_MIN, INT64_MAX);
                        same(t, id, wanted[k], 0, 20);
                        same(t, id, wanted[k], 2, 2);
                        same(t, id, wanted[k], 5000, 6000);
                }
        }
        same(t, "nobody", 10, INT64_MIN, INT64_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_db_test(test_same_points),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
