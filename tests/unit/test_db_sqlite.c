/* The engine's settings, damage found, the online copy. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/db/db.h"

static struct db *open_db(const char *uri, unsigned flags) {
        struct errmsg em = {};
        struct db *db = NULL;

        assert_ok(em, db_open(uri, flags, &em, &db));
        return db;
}

static void assert_pragma(struct db *db, const char *name, const char *value) {
        DB_USE struct db_stmt *s = NULL;
        char sql[64];

        (void) snprintf(sql, sizeof(sql), "PRAGMA %s", name);
        assert_int_equal(db_prepare_dynamic(db, sql, &s), 0);
        assert_int_equal(db_step(s), DB_ROW);
        assert_string_equal(db_col_text(s, 0), value);
}

static void test_settings(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_db(t->uri, DB_CREATE | DB_FOREIGN_KEYS);
        struct stat st;

        assert_pragma(db, "journal_mode", "wal");
        assert_pragma(db, "synchronous", "2");
        assert_pragma(db, "foreign_keys", "1");
        assert_pragma(db, "secure_delete", "0");
        assert_pragma(db, "temp_store", "2");
        assert_pragma(db, "mmap_size", "0");
        assert_pragma(db, "cache_size", "-4096");
        assert_pragma(db, "busy_timeout", "10000");
        assert_int_equal(stat(t->file, &st), 0);
        assert_int_equal(st.st_mode & 07, 0); /* not for everyone */
        assert_int_equal(db_exec(db, "SELECT load_extension('x')"), -EINVAL);
        assert_int_equal(db_exec(db, "VACUUM"), 0);
}

static void test_other_settings(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db =
                open_db(t->uri, DB_CREATE | DB_SYNC_NORMAL | DB_ROLLBACK);

        assert_pragma(db, "journal_mode", "truncate");
        assert_pragma(db, "synchronous", "1");
        assert_pragma(db, "foreign_keys", "0");
}

static void fill(struct db *db) {
        assert_int_equal(db_exec(db, "CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT);"
                                     "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                                     "FROM c WHERE i < 2000) INSERT INTO t "
                                     "SELECT i, printf('%0100d', i) FROM c;"
                                     "CREATE INDEX t_x ON t(x)"),
                         0);
}

static int64_t count(struct db *db) {
        DB_USE struct db_stmt *s = NULL;

        assert_int_equal(db_prepare_dynamic(db, "SELECT count(*) FROM t", &s), 0);
        assert_int_equal(db_step(s), DB_ROW);
        return db_col_i64(s, 0);
}

static void test_damage_is_found(void **state) {
        struct test_dir *t = *state;
        struct db *db = open_db(t->uri, DB_CREATE);
        struct errmsg em = {};
        char zero[4096] = {};
        int fd;

        fill(db);
        assert_int_equal(db_check(db, false, &em), 0);
        assert_int_equal(db_check(db, true, &em), 0);
        db_free(db);
        fd = open(t->file, O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(fd, zero, sizeof(zero), 20 * 4096), (ssize_t) sizeof(zero));
        (void) close(fd);
        db = open_db(t->uri, 0);
        assert_int_equal(db_check(db, false, &em), -EUCLEAN);
        assert_non_null(strstr(em.text, "damaged"));
        db_free(db);
}

static void test_backup(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_db(t->uri, DB_CREATE), *copy = NULL;
        struct errmsg em = {};
        char path[192], uri[256], tmp[256];

        (void) snprintf(path, sizeof(path), "%s/copy.db", t->path);
        (void) snprintf(uri, sizeof(uri), "sqlite:///%s", path);
        (void) snprintf(tmp, sizeof(tmp), "%s.tmp", path);
        fill(db);
        /* left by one that was cut off */
        assert_int_equal(fileio_write_atomic(tmp, "rest", 4, 0600), 0);
        assert_ok(em, db_backup(db, path, &em));
        assert_ok(em, db_backup(db, path, &em)); /* over the old one */
        assert_int_equal(access(tmp, F_OK), -1);
        copy = open_db(uri, 0);
        assert_int_equal(count(copy), 2000);
        assert_int_equal(db_check(copy, false, &em), 0);
        (void) snprintf(path, sizeof(path), "%s/none/copy.db", t->path);
        assert_int_equal(db_backup(db, path, &em), -ENOENT);
        assert_non_null(strstr(em.text, path));
}

static void test_a_lock_held_elsewhere(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *one = open_db(t->uri, DB_CREATE), *two = NULL;

        two = open_db(t->uri, 0);
        assert_int_equal(db_exec(two, "PRAGMA busy_timeout=1"), 0);
        assert_int_equal(db_begin(one, true), 0);
        assert_int_equal(db_begin(two, true), -EBUSY);
        assert_false(db_in_transaction(two));
        db_rollback(one);
        assert_int_equal(db_begin(two, true), 0);
        db_rollback(two);
}

static void test_a_relative_path(void **state) {
        struct test_dir *t = *state;
        char old[4096];
        struct db *db;

        assert_non_null(getcwd(old, sizeof(old)));
        assert_int_equal(chdir(t->path), 0);
        db = open_db("sqlite:///file:odd.db", DB_CREATE); /* a plain name, not SQLite's own URI */
        db_free(db);
        assert_int_equal(access("file:odd.db", F_OK), 0);
        assert_int_equal(chdir(old), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_DIR(test_settings),
                IN_DIR(test_other_settings),
                IN_DIR(test_damage_is_found),
                IN_DIR(test_backup),
                IN_DIR(test_a_lock_held_elsewhere),
                IN_DIR(test_a_relative_path),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
