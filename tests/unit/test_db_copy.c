#include "lib/db/db_copy.h"

#include <errno.h>

#include "lib/base/arena.h"
#include "lib/base/fault.h"
#include "lib/db/db.h"
#include "lib/db/db_catalog.h"
#include "tests/unit/db_test_dir.h"

enum { N_ROWS = 6500 }; /* some pages */

static const char tables[] = "CREATE TABLE t (k VARCHAR(20) NOT NULL, n INTEGER NOT NULL, x FLOAT "
                             "NOT NULL, name TEXT, d BLOB, PRIMARY KEY (k, x, n))";

static struct db *open_one(struct test_dir *t, const char *name, const char *sql) {
        struct errmsg em = {};
        struct db *db = NULL;
        char uri[256];

        (void) snprintf(uri, sizeof(uri), "sqlite:///%s/%s", t->path, name);
        assert_ok(em, db_open(uri, DB_CREATE, &em, &db));
        if (sql)
                assert_ok(em, db_exec(db, sql));
        return db;
}

static void fill(struct db *db) {
        assert_int_equal(
                db_exec(db, "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE "
                            "i < 6500) INSERT INTO t SELECT 'k''' || (i % 7), i, i / 3.0 - 999, "
                            "CASE WHEN i % 5 THEN 'ü:' || i END, CASE WHEN i % 3 THEN x'00ff' END "
                            "FROM c"),
                0);
}

/* Ends the copy at the wanted page. */
static int stop_at(void *userdata, const char *table, int64_t n_rows) {
        int64_t *at = userdata;

        return n_rows >= *at ? -ECANCELED : 0;
}

static void check_same(struct db *from, struct db *to, const struct db_catalog_table *t) {
        struct db_copy_sum a = {}, b = {};

        assert_int_equal(db_copy_sum(from, t, &a), 0);
        assert_int_equal(db_copy_sum(to, t, &b), 0);
        assert_int_equal(a.n_rows, N_ROWS);
        assert_int_equal(b.n_rows, N_ROWS);
        assert_int_equal(a.sum, b.sum);
}

static void test_copy_goes_on(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *from = open_one(t, "a", tables),
                                      *to = open_one(t, "b", tables);
        struct db_catalog c = {};
        struct db_copy_sum sum = {};
        struct errmsg em = {};
        int64_t at = 2000;
        struct arena a;
        bool made;

        arena_init(&a, 0);
        fill(from);
        assert_ok(em, db_catalog_read(from, &a, &em, &c));
        assert_int_equal(db_copy_begin(to, &made), 0);
        assert_true(made);
        assert_int_equal(db_copy_begin(to, &made), 0);
        assert_true(made);              /* still nothing in it */
        for (; at < N_ROWS; at += 2000) /* cut off behind each page */
                assert_int_equal(db_copy_table(from, to, &c.tables[0], stop_at, &at, &em),
                                 -ECANCELED);
        assert_int_equal(db_copy_begin(to, &made), 0);
        assert_false(made);
        fault_arm(FAULT_COMMIT, 1, EIO, 1); /* and in the middle of one */
        assert_int_equal(db_copy_table(from, to, &c.tables[0], NULL, NULL, &em), -EIO);
        fault_reset();
        assert_ok(em, db_copy_table(from, to, &c.tables[0], NULL, NULL, &em));
        assert_ok(em, db_copy_table(from, to, &c.tables[0], NULL, NULL, &em)); /* done is done */
        check_same(from, to, &c.tables[0]);
        assert_int_equal(db_exec(to, "UPDATE t SET x = x + 1e-9 WHERE n = 77"), 0);
        assert_int_equal(db_copy_sum(to, &c.tables[0], &sum), 0);
        assert_int_equal(sum.n_rows, N_ROWS);
        assert_int_equal(db_copy_end(to), 0);
        {
                struct db_copy_sum whole = {};

                assert_int_equal(db_copy_sum(from, &c.tables[0], &whole), 0);
                assert_true(whole.sum != sum.sum); /* the smallest change is seen */
        }
        arena_done(&a);
}

static void test_in_the_way(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *from = open_one(t, "a", tables),
                                      *to = open_one(t, "b", tables);
        struct db_catalog c = {};
        struct errmsg em = {};
        struct arena a;
        bool made;

        arena_init(&a, 0);
        fill(from);
        assert_int_equal(db_exec(to, "INSERT INTO t VALUES ('k''3', 3, 3 / 3.0 - 999, NULL, NULL)"),
                         0);
        assert_ok(em, db_catalog_read(from, &a, &em, &c));
        assert_int_equal(db_copy_begin(to, &made), 0);
        assert_int_equal(db_copy_table(from, to, &c.tables[0], NULL, NULL, &em), -EEXIST);
        assert_non_null(strstr(em.text, "table t, behind row 2000: UNIQUE constraint failed: t."));
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {IN_DIR(test_copy_goes_on), IN_DIR(test_in_the_way)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
