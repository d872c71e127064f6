/* text REGEXP pattern in SQL. */
#include "lib/db/db_sqlite_regexp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state) {
        sqlite3 *sqlite;

        assert_int_equal(sqlite3_open(":memory:", &sqlite), SQLITE_OK);
        assert_int_equal(db_sqlite_regexp_init(sqlite), SQLITE_OK);
        *state = sqlite;
        return 0;
}

static int teardown(void **state) {
        return sqlite3_close(*state);
}

static int count(sqlite3 *sqlite, const char *pattern) {
        sqlite3_stmt *s;
        int n;

        assert_int_equal(
                sqlite3_prepare_v2(sqlite,
                                   "SELECT count(*) FROM (SELECT 'ab' AS t UNION ALL SELECT 'b' "
                                   "UNION ALL SELECT NULL UNION ALL SELECT '') WHERE t REGEXP ?",
                                   -1, &s, NULL),
                SQLITE_OK);
        assert_int_equal(sqlite3_bind_text(s, 1, pattern, -1, SQLITE_STATIC), SQLITE_OK);
        assert_int_equal(sqlite3_step(s), SQLITE_ROW);
        n = sqlite3_column_int(s, 0);
        assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
        return n;
}

static void test_finds(void **state) {
        assert_int_equal(count(*state, "b"), 2);
        assert_int_equal(count(*state, "^b"), 1);
        assert_int_equal(count(*state, ""), 3);
        assert_int_equal(count(*state, "("), 0);
        assert_int_equal(count(*state, NULL), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_finds, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
