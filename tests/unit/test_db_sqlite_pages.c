/* How many pages a connection keeps, and that they can be given back. */
#include "tests/unit/db_test_dir.h"

#include "lib/db/db.h"

static struct db *open_db(const char *uri, unsigned flags) {
        struct errmsg em = {};
        struct db *db = NULL;

        assert_ok(em, db_open(uri, flags, &em, &db));
        return db;
}

static int64_t ask(struct db *db, const char *sql) {
        DB_USE struct db_stmt *s = NULL;

        assert_int_equal(db_prepare_dynamic(db, sql, &s), 0);
        assert_int_equal(db_step(s), DB_ROW);
        return db_col_i64(s, 0);
}

static void test_limits(void **state) {
        static const struct {
                unsigned flags;
                int64_t kib;
        } rows[] = {
                {DB_CREATE, 4096},
                {DB_CREATE | DB_FEW_PAGES, 1024},
                {DB_READ_ONLY, 4096},
                {DB_READ_ONLY | DB_FEW_PAGES, 256},
        };
        struct test_dir *t = *state;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(db_freep) struct db *db = open_db(t->uri, rows[i].flags);

                assert_int_equal(ask(db, "PRAGMA cache_size"), -rows[i].kib);
        }
}

/* Pages that were read are kept; given back, they are read again. */
static void test_trim(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_db(t->uri, DB_CREATE);

        assert_int_equal(db_exec(db, "CREATE TABLE t(x TEXT);"
                                     "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                                     "FROM c WHERE i < 2000) INSERT INTO t "
                                     "SELECT printf('%0100d', i) FROM c"),
                         0);
        assert_int_equal(ask(db, "SELECT count(*) FROM t"), 2000);
        assert_true(db_trim(db) > 100 * 1024);
        assert_int_equal(db_trim(db), 0);
        assert_int_equal(ask(db, "SELECT count(*) FROM t"), 2000);
        assert_true(db_trim(db) > 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_DIR(test_limits),
                IN_DIR(test_trim),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
