/* Ids of runs are found by their hash, whichever there are. */
#include "daemons/tracking/run_set.h"

#include "tests/unit/tracking_test_db.h"

enum { N = 3000 };

/* Rows "0", "3", "6", … below 3 * N, or all below n. */
static struct db_stmt *rows(struct tracking_test *t, int64_t n, int64_t every) {
        struct db_stmt *s;

        assert_int_equal(db_prepare_dynamic(t->db,
                                            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + "
                                            "1 FROM n LIMIT ?) SELECT 'run-' || (i * ?) FROM n",
                                            &s),
                         0);
        db_bind_all(s, n, every);
        return s;
}

static void fill(struct tracking_test *t, struct run_set *set, int64_t n) {
        DB_USE struct db_stmt *s = rows(t, n, 3);
        int r;

        while ((r = db_step(s)) == DB_ROW)
                assert_int_equal(run_set_add(set, s), 0);
        assert_int_equal(r, 0);
        assert_int_equal(run_set_index(set), 0);
}

static void test_finds(void **state) {
        struct run_set set _cleanup_(run_set_done) = {};
        char id[40];

        fill(*state, &set, N);
        for (int i = 0; i < 3 * N; i++) {
                int n = snprintf(id, sizeof(id), "run-%d", i);

                assert_int_equal(run_set_find(&set, id, (size_t) n), i % 3 ? -1 : i / 3);
        }
        assert_int_equal(run_set_find(&set, "", 0), -1);
        memset(id, 'x', sizeof(id));
        assert_int_equal(run_set_find(&set, id, sizeof(id)), -1);
}

static void test_empty(void **state) {
        struct run_set set _cleanup_(run_set_done) = {};

        (void) state;
        assert_int_equal(run_set_index(&set), 0);
        assert_int_equal(run_set_find(&set, "run-0", 5), -1);
}

static void see(void *ctx, size_t number, int64_t place) {
        int *seen = ctx;

        assert_in_range(number, 0, N - 1);
        assert_int_equal(place, (int64_t) number * 3);
        seen[number]++;
}

static void test_meets(void **state) {
        struct run_set set _cleanup_(run_set_done) = {};
        DB_USE struct db_stmt *s = NULL;
        struct run_set_batch b = {};
        static int seen[N];
        int64_t i = 0;

        fill(*state, &set, N);
        s = rows(*state, 4 * N, 1);
        for (; db_step(s) == DB_ROW; i++)
                if (!run_set_join(&set, &b, s, i))
                        run_set_meet(&set, &b, see, seen);
        run_set_meet(&set, &b, see, seen);
        assert_int_equal(i, 4 * N);
        for (i = 0; i < N; i++)
                assert_int_equal(seen[i], 1);
}

static void test_too_long(void **state) {
        struct run_set set _cleanup_(run_set_done) = {};
        struct tracking_test *t = *state;
        struct run_set_batch b = {};
        struct db_stmt *s;

        assert_int_equal(db_prepare_dynamic(t->db, "SELECT printf('%033d', 1)", &s), 0);
        assert_int_equal(db_step(s), DB_ROW);
        assert_int_equal(run_set_add(&set, s), RUN_SET_NOT);
        assert_int_equal(run_set_index(&set), 0);
        assert_true(run_set_join(&set, &b, s, 0));
        assert_int_equal(b.n, 0);
        db_reset(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tracking_db_test(test_finds),
                tracking_db_test(test_empty),
                tracking_db_test(test_meets),
                tracking_db_test(test_too_long),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
