/* What takes longer than it may is interrupted, by the clock or by the thread's own time. */
#include "lib/db/db_sqlite_budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ENDLESS \
        "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT max(i) FROM c"

#define FINITE                                                                        \
        "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 9999) " \
        "SELECT max(i) FROM c"

static struct db_sqlite_budget budget;

static int setup(void **state) {
        sqlite3 *sqlite;

        assert_int_equal(sqlite3_open(":memory:", &sqlite), SQLITE_OK);
        db_sqlite_budget_init(&budget, sqlite);
        *state = sqlite;
        return 0;
}

static int teardown(void **state) {
        return sqlite3_close(*state);
}

static int run(sqlite3 *sqlite, const char *sql) {
        return sqlite3_exec(sqlite, sql, NULL, NULL, NULL);
}

static void test_interrupts(void **state) {
        void (*const sets[])(struct db_sqlite_budget *, usec_t) = {db_sqlite_budget_set,
                                                                   db_sqlite_budget_set_cpu};

        for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
                sets[i](&budget, 1000);
                assert_int_equal(run(*state, ENDLESS), SQLITE_INTERRUPT);
                assert_true(budget.is_over);
                assert_int_equal(run(*state, ENDLESS), SQLITE_INTERRUPT); /* it stays used up */
                sets[i](&budget, 0);
                assert_false(budget.is_over);
                assert_int_equal(run(*state, FINITE), SQLITE_OK);
        }
}

/* Lifting the one leaves the other. */
static void test_both(void **state) {
        db_sqlite_budget_set(&budget, 3600 * USEC_PER_SEC);
        db_sqlite_budget_set_cpu(&budget, 1000);
        assert_int_equal(run(*state, ENDLESS), SQLITE_INTERRUPT);
        db_sqlite_budget_set(&budget, 1000);
        db_sqlite_budget_set_cpu(&budget, 0);
        assert_int_equal(run(*state, ENDLESS), SQLITE_INTERRUPT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_interrupts, setup, teardown),
                cmocka_unit_test_setup_teardown(test_both, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
