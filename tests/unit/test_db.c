/* Statements, values, transactions and limits of a connection. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/arena.h"
#include "lib/db/db.h"

enum { T_INSERT, T_GET, T_COUNT, T_ALL };

static const struct db_statement rows[] = {
        [T_INSERT] = {"insert", "INSERT INTO t(id, name, x, data) VALUES (?, ?, ?, ?)"},
        [T_GET] = {"get", "SELECT id, name, x, data FROM t WHERE id = ?"},
        [T_COUNT] = {"count", "SELECT count(*) FROM t"},
        [T_ALL] = {"all", "SELECT id FROM t ORDER BY id"},
};
static const struct db_set set = {"t", rows, ARRAY_SIZE(rows)};

static struct db *open_with_table(const char *uri) {
        struct errmsg em = {};
        struct db *db = NULL;

        assert_ok(em, db_open(uri, DB_CREATE | DB_FOREIGN_KEYS, &em, &db));
        assert_ok(em, db_exec(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT UNIQUE, "
                                  "x REAL CHECK (x < 100), data BLOB)"));
        assert_ok(em, db_prepare_set(db, &set, &em));
        return db;
}

static int insert(struct db *db, int64_t id, const char *name, double x) {
        DB_USE struct db_stmt *s = db_use(db, &set, T_INSERT);

        db_bind_all(s, id, name, x);
        return db_run(s);
}

static int64_t count(struct db *db) {
        DB_USE struct db_stmt *s = db_use(db, &set, T_COUNT);

        assert_int_equal(db_step(s), DB_ROW);
        return db_col_i64(s, 0);
}

static void test_open_refuses(void **state) {
        struct test_dir *t = *state;
        struct errmsg em = {};
        struct db *db = NULL;
        char uri[256];

        assert_int_equal(db_open("mssql://h/d", 0, &em, &db), -EPROTONOSUPPORT);
        assert_int_equal(db_open("sqlite:nonsense", 0, &em, &db), -EINVAL);
        assert_int_equal(db_open("sqlite:///x.db?mode=ro", 0, &em, &db), -EINVAL);
        assert_int_equal(db_open(t->uri, 0, &em, &db), -ENOENT);
        assert_non_null(strstr(em.text, t->file));
        assert_int_equal(access(t->file, F_OK), -1); /* nothing was made */
        (void) snprintf(uri, sizeof(uri), "sqlite:///%s/none/x.db", t->path);
        assert_int_equal(db_open(uri, DB_CREATE, &em, &db), -ENOENT);
        assert_null(db);
}

static void test_open_refuses_other_files(void **state) {
        struct test_dir *t = *state;
        struct errmsg em = {};
        struct db *db = NULL;
        char text[8192];

        memset(text, 'x', sizeof(text));
        assert_int_equal(fileio_write_atomic(t->file, text, sizeof(text), 0600), 0);
        assert_int_equal(db_open(t->uri, 0, &em, &db), -EUCLEAN);
        assert_non_null(strstr(em.text, "not a database"));
}

static void test_values_round_trip(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_with_table(t->uri);
        DB_USE struct db_stmt *s = NULL;
        struct arena a;
        bool oom = false;
        size_t n = 0;

        s = db_use(db, &set, T_INSERT);
        db_bind_i64(s, 1, INT64_MIN);
        db_bind_text_n(s, 2, "abcdef", 3);
        db_bind_f64(s, 3, -0.1);
        db_bind_blob(s, 4, "\0\1\2", 3);
        assert_int_equal(db_run(s), DB_DONE);
        assert_int_equal(db_changes(db), 1);
        assert_int_equal(db_last_id(db), INT64_MIN);

        s = db_use(db, &set, T_GET);
        db_bind_all(s, INT64_MIN);
        assert_int_equal(db_step(s), DB_ROW);
        assert_int_equal(db_col_count(s), 4);
        assert_string_equal(db_col_name(s, 1), "name");
        assert_int_equal(db_col_i64(s, 0), INT64_MIN);
        assert_string_equal(db_col_text(s, 1), "abc");
        assert_true(db_col_f64(s, 2) == -0.1);
        assert_memory_equal(db_col_blob(s, 3, &n), "\0\1\2", 3);
        assert_int_equal(n, 3);
        arena_init(&a, 0);
        assert_string_equal(db_col_dup(s, 1, &a, &oom), "abc");
        assert_false(oom);
        arena_done(&a);
        assert_int_equal(db_step(s), DB_DONE);
}

static void test_nulls(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_with_table(t->uri);
        DB_USE struct db_stmt *s = NULL;
        size_t n = 7;

        assert_int_equal(insert(db, 1, NULL, NAN), DB_DONE);
        s = db_use(db, &set, T_GET);
        db_bind_all(s, 1);
        assert_int_equal(db_step(s), DB_ROW);
        assert_true(db_col_is_null(s, 1));
        assert_true(db_col_is_null(s, 2)); /* NaN */
        assert_null(db_col_text_n(s, 1, &n));
        assert_int_equal(n, 0);
        assert_null(db_col_dup(s, 1, NULL, NULL));
        assert_int_equal(db_col_i64(s, 1), 0);
}

static void test_constraints(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_with_table(t->uri);

        assert_int_equal(insert(db, 1, "a", 1), DB_DONE);
        assert_int_equal(insert(db, 1, "b", 1), DB_CONFLICT);
        assert_int_equal(insert(db, 2, "a", 1), DB_CONFLICT);
        assert_non_null(strstr(db_errmsg(db), "t.name"));
        assert_int_equal(insert(db, 2, "b", 100), -EINVAL);
        assert_int_equal(db_exec(db, "CREATE TABLE c(t INTEGER REFERENCES t(id))"), 0);
        assert_int_equal(db_exec(db, "INSERT INTO c VALUES (99)"), -EINVAL);
        assert_int_equal(db_exec(db, "INSERT INTO c VALUES (1)"), 0);
        assert_int_equal(count(db), 1);
}

static void test_bad_statements(void **state) {
        static const struct db_statement bad[] = {{"fine", "SELECT 1"}, {"oops", "SELEC 1"}};
        static const struct db_statement two[] = {{"two", "SELECT 1; SELECT 2"}};
        static const struct db_set bad_set = {"nouns", bad, 2}, two_set = {"nouns", two, 1};
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_with_table(t->uri);
        struct errmsg em = {};
        struct db_stmt *s = NULL;

        assert_int_equal(db_prepare_set(db, &bad_set, &em), -EINVAL);
        assert_non_null(strstr(em.text, "nouns.oops"));
        assert_non_null(strstr(em.text, "syntax"));
        assert_int_equal(db_prepare_set(db, &two_set, &em), -EINVAL);
        assert_int_equal(db_prepare_dynamic(db, "SELECT nothing FROM t", &s), -EINVAL);
        assert_non_null(strstr(db_errmsg(db), "nothing"));
        assert_int_equal(db_prepare_dynamic(db, "", &s), -EINVAL);
        /* a double-quoted word is a name, never a string */
        assert_int_equal(db_prepare_dynamic(db, "SELECT \"nothing\" FROM t", &s), -EINVAL);
        assert_null(s);
}

static void test_bad_bind_is_answered_by_step(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_with_table(t->uri);
        struct db_stmt *s = db_use(db, &set, T_GET);

        db_bind_i64(s, 2, 1);
        assert_int_equal(db_step(s), -EINVAL);
        assert_true(strlen(db_errmsg(db)) > 0);
        s = db_use(db, &set, T_GET);
        db_bind_i64(s, 1, 1);
        assert_int_equal(db_step(s), DB_DONE);
}

static void test_values_are_forgotten(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_with_table(t->uri);
        struct db_stmt *s;

        assert_int_equal(insert(db, 1, "a", 1), DB_DONE);
        s = db_use(db, &set, T_GET);
        db_bind_i64(s, 1, 1);
        assert_int_equal(db_step(s), DB_ROW);
        s = db_use(db, &set, T_GET); /* nothing bound: NULL equals nothing */
        assert_int_equal(db_step(s), DB_DONE);
}

static void test_dynamic_keeps_texts(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_with_table(t->uri);
        struct db_stmt *s, *again, *held[64];
        char sql[64];

        assert_int_equal(db_prepare_dynamic(db, "SELECT 0", &s), 0);
        db_reset(s);
        assert_int_equal(db_prepare_dynamic(db, "SELECT 0", &again), 0);
        assert_ptr_equal(s, again);
        db_reset(again);
        for (int round = 0; round < 3; round++) {
                for (int i = 0; i < 64; i++) {
                        (void) snprintf(sql, sizeof(sql), "SELECT %d", round * 100 + i);
                        assert_int_equal(db_prepare_dynamic(db, sql, &held[i]), 0);
                        assert_int_equal(db_step(held[i]), DB_ROW);
                        assert_int_equal(db_col_i64(held[i], 0), round * 100 + i);
                }
                assert_int_equal(db_prepare_dynamic(db, "SELECT -1", &s), -EMFILE);
                for (int i = 0; i < 64; i++)
                        db_reset(held[i]);
        }
        /* the same text in use twice gives two statements */
        assert_int_equal(db_prepare_dynamic(db, "SELECT 1", &s), 0);
        assert_int_equal(db_prepare_dynamic(db, "SELECT 1", &again), 0);
        assert_ptr_not_equal(s, again);
}

static void test_transactions(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_with_table(t->uri);

        assert_int_equal(db_begin(db, true), 0);
        assert_true(db_in_transaction(db));
        assert_int_equal(insert(db, 1, "a", 1), DB_DONE);
        db_rollback(db);
        assert_false(db_in_transaction(db));
        assert_int_equal(count(db), 0);

        assert_int_equal(db_begin(db, true), 0);
        assert_int_equal(insert(db, 1, "a", 1), DB_DONE);
        assert_int_equal(db_savepoint(db), 0);
        assert_int_equal(insert(db, 2, "b", 1), DB_DONE);
        assert_int_equal(db_savepoint(db), 0);
        assert_int_equal(insert(db, 3, "c", 1), DB_DONE);
        assert_int_equal(db_release(db), 0);
        assert_int_equal(count(db), 3);
        assert_int_equal(db_undo(db), 0);
        assert_int_equal(count(db), 1);
        assert_int_equal(db_commit(db), 0);
        assert_int_equal(count(db), 1);
        db_rollback(db); /* nothing to do is fine */
}

static void test_commit_ends_open_rows(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_with_table(t->uri);
        struct db_stmt *s, *d;

        assert_int_equal(insert(db, 1, "a", 1), DB_DONE);
        assert_int_equal(insert(db, 2, "b", 1), DB_DONE);
        assert_int_equal(db_begin(db, true), 0);
        s = db_use(db, &set, T_ALL);
        assert_int_equal(db_step(s), DB_ROW);
        assert_int_equal(db_prepare_dynamic(db, "SELECT id FROM t", &d), 0);
        assert_int_equal(db_step(d), DB_ROW);
        assert_int_equal(db_commit(db), 0);
        assert_int_equal(db_step(s), DB_ROW); /* starts anew */
        assert_int_equal(db_col_i64(s, 0), 1);
        db_reset(s);
        db_reset(NULL);
}

static void test_snapshot(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_with_table(t->uri), *reader = NULL;
        struct errmsg em = {};

        assert_ok(em, db_open(t->uri, DB_READ_ONLY, &em, &reader));
        assert_ok(em, db_prepare_set(reader, &set, &em));
        assert_int_equal(db_begin(reader, false), 0);
        assert_int_equal(count(reader), 0);
        assert_int_equal(insert(db, 1, "a", 1), DB_DONE); /* the reader is not in the way */
        assert_int_equal(count(reader), 0);
        assert_int_equal(db_commit(reader), 0);
        assert_int_equal(count(reader), 1);
        assert_int_equal(insert(reader, 2, "b", 1), -EROFS);
}

#define ENDLESS \
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"

static void test_budget(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_with_table(t->uri);
        DB_USE struct db_stmt *s = NULL;

        assert_int_equal(db_prepare_dynamic(db, ENDLESS, &s), 0);
        db_set_budget(db, 20 * USEC_PER_MSEC);
        assert_int_equal(db_step(s), -ETIME);
        db_set_budget(db, 0);
        assert_int_equal(count(db), 0);
}

struct interrupter {
        struct db *db;
        atomic_bool is_over;
};

/* Again and again: one that comes before the statement runs has no effect. */
static void *interrupt_until_over(void *userdata) {
        struct interrupter *i = userdata;

        while (!atomic_load(&i->is_over))
                db_interrupt(i->db);
        return NULL;
}

static void test_interrupt(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_with_table(t->uri);
        DB_USE struct db_stmt *s = NULL;
        struct interrupter i = {.db = db};
        pthread_t thread;

        assert_int_equal(db_prepare_dynamic(db, ENDLESS, &s), 0);
        assert_int_equal(pthread_create(&thread, NULL, interrupt_until_over, &i), 0);
        assert_int_equal(db_step(s), -ECANCELED);
        atomic_store(&i.is_over, true);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(count(db), 0);
}

static void test_memory_database(void **state) {
        _cleanup_(db_freep) struct db *db = open_with_table("sqlite://");

        assert_int_equal(insert(db, 1, "a", 1), DB_DONE);
        assert_int_equal(count(db), 1);
        assert_int_equal(db_get_dialect(db), DB_SQLITE);
        assert_string_equal(db_get_uri(db), "sqlite://");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_DIR(test_open_refuses),
                IN_DIR(test_open_refuses_other_files),
                IN_DIR(test_values_round_trip),
                IN_DIR(test_nulls),
                IN_DIR(test_constraints),
                IN_DIR(test_bad_statements),
                IN_DIR(test_bad_bind_is_answered_by_step),
                IN_DIR(test_values_are_forgotten),
                IN_DIR(test_dynamic_keeps_texts),
                IN_DIR(test_transactions),
                IN_DIR(test_commit_ends_open_rows),
                IN_DIR(test_snapshot),
                IN_DIR(test_budget),
                IN_DIR(test_interrupt),
                cmocka_unit_test(test_memory_database),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
