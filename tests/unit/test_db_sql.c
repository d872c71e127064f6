#include "lib/db/db_sql.h"

#include <errno.h>

#include "lib/base/buf.h"
#include "tests/unit/db_test_dir.h"

static void check(const char *sql, enum db_dialect dialect, const char *wanted, int n_params) {
        _cleanup_buf_ struct buf out = {};
        struct db_sql_facts facts = {};

        assert_int_equal(db_sql_translate(sql, dialect, &out, &facts), 0);
        assert_string_equal(buf_cstr(&out), wanted);
        assert_int_equal(facts.n_params, n_params);
}

static void test_parameters(void **state) {
        static const char sql[] = "SELECT '?', \"a?\", -- ?\n ? /* ? */, 'it''s ?' WHERE x=?";

        check(sql, DB_SQLITE, sql, 2);
        check(sql, DB_MYSQL, sql, 2);
        check(sql, DB_POSTGRES, "SELECT '?', \"a?\", -- ?\n $1 /* ? */, 'it''s ?' WHERE x=$2", 2);
}

static void test_choices(void **state) {
        static const char sql[] = "SELECT a FROM t {INDEXED BY i||FORCE INDEX (i)} WHERE b {GLOB "
                                  "?|LIKE ? || ?|= ?} AND c = ?";

        check(sql, DB_SQLITE, "SELECT a FROM t INDEXED BY i WHERE b GLOB ? AND c = ?", 2);
        check("a {1|2|3}{|x|}", DB_POSTGRES, "a 2x", 0);
        check("a {1|2|3}{|x|}", DB_MYSQL, "a 3", 0);
        check("b {GLOB ?|~ ? OR ?|= ?} = ?", DB_POSTGRES, "b ~ $1 OR $2 = $3", 3);
        check("'{a|b|c}'", DB_MYSQL, "'{a|b|c}'", 0);
}

static void test_upserts(void **state) {
        static const char update[] =
                "INSERT INTO t (\"key\", b) VALUES (?, ?) ON CONFLICT (\"key\", b) DO UPDATE SET b "
                "= excluded.b, c = excluded.\"d\"";
        static const char nothing[] =
                "INSERT INTO t (\"key\", b) VALUES (?, ?) ON CONFLICT DO NOTHING";

        check(update, DB_SQLITE, update, 2);
        check(update, DB_MYSQL,
              "INSERT INTO t (\"key\", b) VALUES (?, ?) ON DUPLICATE KEY UPDATE b = VALUES(b), c = "
              "VALUES(\"d\")",
              2);
        check(nothing, DB_MYSQL,
              "INSERT INTO t (\"key\", b) VALUES (?, ?) ON DUPLICATE KEY UPDATE \"key\" = \"key\"",
              2);
        check("INSERT INTO t(a) SELECT 1 ON CONFLICT (a)  DO NOTHING", DB_MYSQL,
              "INSERT INTO t(a) SELECT 1 ON DUPLICATE KEY UPDATE a = a", 0);
}

static void test_facts(void **state) {
        static const struct {
                const char *sql;
                bool may_conflict, reads;
        } rows[] = {
                {"SELECT 1", false, true},
                {" WITH a AS (SELECT 1) SELECT * FROM a", false, true},
                {"INSERT INTO t (a) VALUES (1)", true, false},
                {"UPDATE t SET a = 1", true, false},
                {"INSERT INTO t (a) VALUES (1) ON CONFLICT DO NOTHING", false, false},
                {"INSERT INTO t (a) VALUES ('ON CONFLICT')", true, false},
                {"DELETE FROM t", false, false},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_buf_ struct buf out = {};
                struct db_sql_facts facts = {};

                assert_int_equal(db_sql_translate(rows[i].sql, DB_POSTGRES, &out, &facts), 0);
                assert_int_equal(facts.may_conflict, rows[i].may_conflict);
                assert_int_equal(facts.reads, rows[i].reads);
        }
}

static void test_refused(void **state) {
        static const char *const rows[] = {
                "SELECT 'x",    "SELECT \"x", "/* x",
                "{a|b}",        "{a|b|c",     "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING",
                "x = excluded."};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_buf_ struct buf out = {};
                struct db_sql_facts facts = {};

                assert_int_equal(db_sql_translate(rows[i], DB_MYSQL, &out, &facts), -EINVAL);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parameters), cmocka_unit_test(test_choices),
                cmocka_unit_test(test_upserts),    cmocka_unit_test(test_facts),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
