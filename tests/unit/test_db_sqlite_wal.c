/* Pages of the log as commits leave them, moved at the limit or when asked. */
#include "tests/unit/db_test_dir.h"

#include "lib/db/db_sqlite_wal.h"

static sqlite3 *open_file(const struct test_dir *t, struct db_sqlite_wal *w) {
        sqlite3 *s;

        assert_int_equal(sqlite3_open(t->file, &s), SQLITE_OK);
        assert_int_equal(sqlite3_exec(s, "PRAGMA journal_mode=WAL; CREATE TABLE t(data BLOB)", NULL,
                                      NULL, NULL),
                         SQLITE_OK);
        db_sqlite_wal_init(w, s);
        return s;
}

static void write_pages(sqlite3 *s) {
        assert_int_equal(
                sqlite3_exec(s, "INSERT INTO t VALUES (zeroblob(40000))", NULL, NULL, NULL),
                SQLITE_OK);
}

static void test_asked(void **state) {
        struct db_sqlite_wal w;
        sqlite3 *s = open_file(*state, &w);
        size_t left = 7, n;

        assert_int_equal(w.n_pages, 0);
        write_pages(s);
        n = w.n_pages;
        assert_in_range(n, 10, 30);
        write_pages(s);
        assert_true(w.n_pages > n);
        assert_int_equal(db_sqlite_wal_checkpoint(s, &left), SQLITE_OK);
        assert_int_equal(left, 0);
        n = w.n_pages;
        write_pages(s); /* from the front again */
        assert_true(w.n_pages < n);
        assert_int_equal(sqlite3_close(s), SQLITE_OK);
}

static void test_limit(void **state) {
        struct db_sqlite_wal w;
        sqlite3 *s = open_file(*state, &w);
        size_t n_max = 0;

        w.limit = 50;
        for (int i = 0; i < 40; i++) {
                write_pages(s);
                n_max = MAX(n_max, w.n_pages);
        }
        assert_in_range(n_max, 50, 80);
        assert_int_equal(sqlite3_close(s), SQLITE_OK);
}

static void test_held_by_a_reader(void **state) {
        struct db_sqlite_wal w, other;
        sqlite3 *s = open_file(*state, &w), *reader;
        const struct test_dir *t = *state;
        size_t left = 0;

        write_pages(s);
        assert_int_equal(sqlite3_open(t->file, &reader), SQLITE_OK);
        db_sqlite_wal_init(&other, reader);
        assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT * FROM t", NULL, NULL, NULL),
                         SQLITE_OK);
        write_pages(s);
        assert_int_equal(db_sqlite_wal_checkpoint(s, &left), SQLITE_OK);
        assert_in_range(left, 5, 30);
        assert_int_equal(sqlite3_close(reader), SQLITE_OK);
        assert_int_equal(db_sqlite_wal_checkpoint(s, &left), SQLITE_OK);
        assert_int_equal(left, 0);
        assert_int_equal(sqlite3_close(s), SQLITE_OK);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_asked, test_dir_setup, test_dir_teardown),
                cmocka_unit_test_setup_teardown(test_limit, test_dir_setup, test_dir_teardown),
                cmocka_unit_test_setup_teardown(test_held_by_a_reader, test_dir_setup,
                                                test_dir_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
