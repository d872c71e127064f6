/* The write-ahead log is moved beside the writer, begins anew, and grows only while a reader holds
 * it. */
#include "tests/unit/db_test_dir.h"

#include "lib/db/db.h"
#include "lib/db/db_checkpoint.h"

struct fixture {
        struct db *db;
        struct db_checkpoint *c;
        size_t n_last;
        int64_t n_rows;
};

static void open_fixture(struct fixture *f, const struct test_dir *t) {
        struct errmsg em = {};

        assert_ok(em, db_open(t->uri, DB_CREATE | DB_SYNC_NORMAL, &em, &f->db));
        assert_ok(em, db_exec(f->db, "CREATE TABLE t(id INTEGER PRIMARY KEY, data BLOB)"));
        assert_int_equal(db_checkpoint_new(f->db, &f->c), 0);
        assert_non_null(f->c);
}

static void done_fixture(struct fixture *f) {
        db_checkpoint_free(f->c);
        db_free(f->db);
}

/* About 100 pages. True: the log began anew. */
static bool write_some(struct fixture *f) {
        size_t n;
        bool anew;

        assert_int_equal(db_exec(f->db, "INSERT INTO t(data) VALUES (zeroblob(400000))"), 0);
        f->n_rows++;
        n = db_wal_pages(f->db);
        anew = n < f->n_last;
        f->n_last = n;
        db_checkpoint_look(f->c);
        return anew;
}

/* Below the limit, where a commit would have done it. */
static bool begins_anew(struct fixture *f) {
        while (f->n_last + 200 < DB_CHECKPOINT_LIMIT) {
                if (write_some(f))
                        return true;
                (void) usleep(1000); /* the thread's turn */
        }
        return false;
}

static void test_begins_anew(void **state) {
        struct fixture f = {};

        open_fixture(&f, *state);
        for (int i = 0; i < 3; i++)
                assert_true(begins_anew(&f));
        done_fixture(&f);
}

static int64_t count(struct db *db) {
        struct db_stmt *s;
        int64_t n;

        assert_int_equal(db_prepare_dynamic(db, "SELECT count(*) FROM t", &s), 0);
        assert_int_equal(db_step(s), DB_ROW);
        n = db_col_i64(s, 0);
        db_reset(s);
        return n;
}

static void test_reader_keeps_its_snapshot(void **state) {
        const struct test_dir *t = *state;
        struct db *reader = NULL;
        struct errmsg em = {};
        struct fixture f = {};

        open_fixture(&f, t);
        (void) write_some(&f);
        assert_ok(em, db_open(t->uri, DB_READ_ONLY, &em, &reader));
        assert_int_equal(db_begin(reader, false), 0);
        assert_int_equal(count(reader), 1);
        while (f.n_last < 3 * DB_CHECKPOINT_START)
                assert_false(write_some(&f));
        assert_int_equal(count(reader), 1);
        assert_int_equal(db_commit(reader), 0);
        assert_int_equal(count(reader), f.n_rows);
        assert_true(begins_anew(&f));
        db_free(reader);
        done_fixture(&f);
}

static void test_short_log(void **state) {
        struct fixture f = {};

        open_fixture(&f, *state);
        assert_false(write_some(&f));
        done_fixture(&f); /* no thread was made */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_begins_anew, test_dir_setup,
                                                test_dir_teardown),
                cmocka_unit_test_setup_teardown(test_reader_keeps_its_snapshot, test_dir_setup,
                                                test_dir_teardown),
                cmocka_unit_test_setup_teardown(test_short_log, test_dir_setup, test_dir_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
