/* Migrations: all or nothing, forward only, once. */
#include "tests/unit/db_test_dir.h"

#include <errno.h>

#include "lib/base/fault.h"
#include "lib/db/db.h"
#include "lib/db/db_migrate.h"

static const struct db_migration steps[] = {
        {1, "CREATE TABLE a(x INTEGER); CREATE INDEX a_x ON a(x)"},
        {2, "ALTER TABLE a ADD COLUMN y TEXT; INSERT INTO a VALUES (1, 'one')"},
        {3, "CREATE TABLE b(x INTEGER)"},
};

static int version(struct db *db) {
        int v = -1;

        assert_int_equal(db_migrate_get_version(db, &v), 0);
        return v;
}

static struct db *open_db(const char *uri) {
        struct errmsg em = {};
        struct db *db = NULL;

        assert_ok(em, db_open(uri, DB_CREATE, &em, &db));
        return db;
}

static void test_step_by_step(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_db(t->uri);
        struct errmsg em = {};

        assert_int_equal(version(db), 0);
        assert_ok(em, db_migrate(db, steps, 1, 1000, &em));
        assert_int_equal(version(db), 1);
        assert_ok(em, db_migrate(db, steps, 3, 2000, &em));
        assert_int_equal(version(db), 3);
        assert_ok(em, db_migrate(db, steps, 3, 3000, &em)); /* nothing to do */
        assert_int_equal(db_exec(db, "INSERT INTO b SELECT x FROM a WHERE y = 'one'"), 0);
        assert_int_equal(db_changes(db), 1);
        assert_int_equal(db_exec(db, "DELETE FROM schema_version WHERE applied_at_usec = 2000"), 0);
        assert_int_equal(db_changes(db), 2);
}

static void test_a_newer_database_is_refused(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_db(t->uri);
        struct errmsg em = {};

        assert_ok(em, db_migrate(db, steps, 3, 1, &em));
        assert_int_equal(db_migrate(db, steps, 2, 1, &em), -ENOTSUP);
        assert_non_null(strstr(em.text, "version 3"));
        assert_non_null(strstr(em.text, "install the newer onebox"));
        assert_int_equal(version(db), 3);
}

static void test_a_bad_step_changes_nothing(void **state) {
        static const struct db_migration bad[] = {{1, "CREATE TABLE a(x INTEGER)"},
                                                  {2, "CREATE TABLE b(x INTEGER); NONSENSE"}};
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_db(t->uri);
        struct errmsg em = {};

        assert_int_equal(db_migrate(db, bad, 2, 1, &em), -EINVAL);
        assert_non_null(strstr(em.text, "migration 2"));
        assert_false(db_in_transaction(db));
        assert_int_equal(version(db), 0);
        assert_int_equal(db_exec(db, "SELECT * FROM a"), -EINVAL); /* not there */
}

static void test_a_failed_commit_changes_nothing(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = open_db(t->uri);
        struct errmsg em = {};

        fault_arm(FAULT_COMMIT, 1, ENOSPC, 1);
        assert_int_equal(db_migrate(db, steps, 3, 1, &em), -ENOSPC);
        fault_reset();
        assert_int_equal(version(db), 0);
        assert_ok(em, db_migrate(db, steps, 3, 1, &em));
        assert_int_equal(version(db), 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                IN_DIR(test_step_by_step),
                IN_DIR(test_a_newer_database_is_refused),
                IN_DIR(test_a_bad_step_changes_nothing),
                IN_DIR(test_a_failed_commit_changes_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
