#include "lib/db/db_catalog.h"

#include <errno.h>

#include "lib/base/arena.h"
#include "lib/db/db.h"
#include "tests/unit/db_test_dir.h"

static void test_tables(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = NULL;
        const struct db_catalog_table *child;
        struct db_catalog c = {};
        struct errmsg em = {};
        struct arena a;

        arena_init(&a, 0);
        assert_ok(em, db_open(t->uri, DB_CREATE, &em, &db));
        assert_ok(em, db_exec(db, "CREATE TABLE a_child (id INTEGER NOT NULL, k VARCHAR(9) NOT "
                                  "NULL, up INTEGER REFERENCES z_parent(id), me INTEGER REFERENCES "
                                  "a_child(id), x FLOAT, b BOOLEAN, j JSON, d BLOB, "
                                  "PRIMARY KEY (k, id));"
                                  "CREATE TABLE z_parent (id BIGINT PRIMARY KEY)"));
        assert_ok(em, db_catalog_read(db, &a, &em, &c));
        assert_int_equal(c.n_tables, 2);
        assert_string_equal(c.tables[0].name, "z_parent"); /* parents first */
        child = db_catalog_find(&c, "a_child");
        assert_non_null(child);
        assert_null(db_catalog_find(&c, "none"));
        assert_int_equal(child->n_columns, 8);
        assert_int_equal(child->n_keys, 2);
        assert_string_equal(child->columns[child->keys[0]].name, "k");
        assert_int_equal(child->columns[child->keys[0]].type, DB_CATALOG_TEXT);
        assert_string_equal(child->columns[child->keys[1]].name, "id");
        assert_int_equal(child->n_parents, 1); /* not itself */
        for (size_t i = 0; i < child->n_columns; i++) {
                const char *name = child->columns[i].name;

                if (!strcmp(name, "x"))
                        assert_int_equal(child->columns[i].type, DB_CATALOG_F64);
                else if (!strcmp(name, "d"))
                        assert_int_equal(child->columns[i].type, DB_CATALOG_BLOB);
                else if (!strcmp(name, "b") || !strcmp(name, "up"))
                        assert_int_equal(child->columns[i].type, DB_CATALOG_I64);
        }
        assert_true(db_catalog_same(child, child));
        assert_false(db_catalog_same(child, db_catalog_find(&c, "z_parent")));
        arena_done(&a);
}

static void test_refused(void **state) {
        struct test_dir *t = *state;
        _cleanup_(db_freep) struct db *db = NULL;
        struct db_catalog c = {};
        struct errmsg em = {};
        struct arena a;

        arena_init(&a, 0);
        assert_ok(em, db_open(t->uri, DB_CREATE, &em, &db));
        assert_ok(em, db_exec(db, "CREATE TABLE keyless (x INTEGER)"));
        assert_int_equal(db_catalog_read(db, &a, &em, &c), -EINVAL);
        assert_non_null(strstr(em.text, "keyless has no primary key"));
        assert_ok(em, db_exec(db, "DROP TABLE keyless; CREATE TABLE p (id INTEGER PRIMARY KEY "
                                  "REFERENCES q(id)); CREATE TABLE q (id INTEGER PRIMARY KEY "
                                  "REFERENCES p(id))"));
        assert_int_equal(db_catalog_read(db, &a, &em, &c), -EINVAL);
        assert_non_null(strstr(em.text, "ring"));
        arena_done(&a);
}

int main(void) {
        const struct CMUnitTest tests[] = {IN_DIR(test_tables), IN_DIR(test_refused)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
