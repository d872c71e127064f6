/* A statement asks back which rows are picked. */
#include "lib/db/db_sqlite_pick.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NAMES                                                                                  \
        "SELECT count(*) FROM (SELECT 'ab' AS t UNION ALL SELECT 'abc' UNION ALL SELECT NULL " \
        "UNION ALL SELECT '') WHERE onebox_pick(t)"

static struct db_sqlite_pick pick;

static int setup(void **state) {
        sqlite3 *sqlite;

        assert_int_equal(sqlite3_open(":memory:", &sqlite), SQLITE_OK);
        assert_int_equal(db_sqlite_pick_init(&pick, sqlite), SQLITE_OK);
        *state = sqlite;
        return 0;
}

static int teardown(void **state) {
        return sqlite3_close(*state);
}

static int count(sqlite3 *sqlite) {
        sqlite3_stmt *s;
        int n;

        assert_int_equal(sqlite3_prepare_v2(sqlite, NAMES, -1, &s, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(s), SQLITE_ROW);
        n = sqlite3_column_int(s, 0);
        assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
        return n;
}

static bool is_long(void *ctx, const char *text, size_t n_bytes) {
        assert_int_equal(strlen(text), n_bytes);
        return n_bytes >= *(size_t *) ctx;
}

static void test_asks(void **state) {
        size_t n = 3;

        assert_int_equal(count(*state), 0);
        pick = (struct db_sqlite_pick){is_long, &n};
        assert_int_equal(count(*state), 1);
        n = 2;
        assert_int_equal(count(*state), 2);
        n = 0;
        assert_int_equal(count(*state), 3); /* NULL never is */
}

/* A schema that somebody else made cannot make us ask. */
static void test_not_from_a_view(void **state) {
        assert_int_equal(sqlite3_exec(*state,
                                      "CREATE VIEW v AS SELECT onebox_pick('x'); "
                                      "SELECT * FROM v",
                                      NULL, NULL, NULL),
                         SQLITE_ERROR);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_asks, setup, teardown),
                cmocka_unit_test_setup_teardown(test_not_from_a_view, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
