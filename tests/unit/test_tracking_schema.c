#include "daemons/tracking/tracking_schema.h"

#include "lib/base/fileio.h"
#include <stdio.h>

#include "tests/unit/tracking_test.h"

static int setup(void **state) {
        char *path = strdup("/tmp/onebox-schema-XXXXXX");

        assert_non_null(mkdtemp(path));
        *state = path;
        return 0;
}

static int teardown(void **state) {
        assert_int_equal(fileio_rm_rf(*state), 0);
        free(*state);
        return 0;
}

static const char *uri_in(const char *directory, const char *name) {
        static char uri[256];

        snprintf(uri, sizeof(uri), "sqlite:///%s/%s", directory, name);
        return uri;
}

static int64_t number(const char *uri, const char *sql) {
        struct errmsg em = {};
        struct db_stmt *s;
        struct db *db;
        int64_t n;

        assert_int_equal(db_open(uri, 0, &em, &db), 0);
        assert_int_equal(db_prepare_dynamic(db, sql, &s), 0);
        assert_int_equal(db_step(s), DB_ROW);
        n = db_col_i64(s, 0);
        db_reset(s);
        db_free(db);
        return n;
}

static void exec(const char *uri, const char *sql) {
        struct errmsg em = {};
        struct db *db;

        assert_int_equal(db_open(uri, DB_CREATE, &em, &db), 0);
        assert_int_equal(db_exec(db, sql), 0);
        db_free(db);
}

static void test_new(void **state) {
        const char *uri = uri_in(*state, "deep/er/mlflow.db");
        struct errmsg em = {};

        for (int i = 0; i < 2; i++)
                if (tracking_schema_ensure(uri, "mlflow-artifacts:/", 42, &em) < 0)
                        fail_msg("%s", em.text);
        assert_int_equal(number(uri, "SELECT count(*) FROM sqlite_master WHERE type = 'table' "
                                     "AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'onebox_%'"),
                         71); /* MLflow's */
        assert_int_equal(
                number(uri,
                       "SELECT count(*) FROM sqlite_master WHERE type = 'table' "
                       "AND name LIKE 'onebox_%' AND name NOT IN "
                       "('onebox_webhook_queue', 'onebox_webhook_deliveries', 'onebox_lineage')"),
                0); /* ours beside them: that one */
        assert_int_equal(number(uri, "SELECT count(*) FROM experiments WHERE experiment_id = 0 AND "
                                     "name = 'Default' AND artifact_location = "
                                     "'mlflow-artifacts:/0' AND creation_time = 42"),
                         1);
        assert_int_equal(number(uri, "SELECT count(*) FROM workspaces"), 1);
        assert_int_equal(number(uri, "SELECT count(*) FROM alembic_version WHERE version_num = "
                                     "'f4a9b2c7d1e6'"),
                         1);
}

/* What make wrote is what the statements make. */
static void test_image(void **state) {
        char made[256], image[256], attach[512];
        struct errmsg em = {};
        struct db_stmt *s;
        struct db *db;

        snprintf(made, sizeof(made), "%s", uri_in(*state, "made.db"));
        snprintf(image, sizeof(image), "%s", uri_in(*state, "image.db"));
        snprintf(attach, sizeof(attach), "ATTACH '%s' AS other", image + strlen("sqlite:///"));
        assert_int_equal(tracking_schema_make(made, &em), 0);
        assert_int_equal(tracking_schema_ensure(image, "mlflow-artifacts:/", 42, &em), 0);
        assert_int_equal(db_open(made, 0, &em, &db), 0);
        assert_int_equal(db_check(db, false, &em), 0);
        assert_int_equal(db_exec(db, attach), 0);
        assert_int_equal(
                db_prepare_dynamic(
                        db,
                        "SELECT (SELECT count(*) FROM main.sqlite_master), (SELECT count(*) FROM "
                        "(SELECT type, name, tbl_name, rootpage, sql FROM main.sqlite_master "
                        "INTERSECT SELECT type, name, tbl_name, rootpage, sql FROM "
                        "other.sqlite_master)), (SELECT count(*) FROM other.sqlite_master)",
                        &s),
                0);
        assert_int_equal(db_step(s), DB_ROW);
        assert_true(db_col_i64(s, 0) > 200);
        assert_int_equal(db_col_i64(s, 1), db_col_i64(s, 0));
        assert_int_equal(db_col_i64(s, 2), db_col_i64(s, 0));
        db_reset(s);
        db_free(db);
        assert_int_equal(db_open(image, 0, &em, &db), 0);
        assert_int_equal(db_check(db, false, &em), 0);
        db_free(db);
}

static void test_older_head(void **state) {
        const char *uri = uri_in(*state, "a.db");
        struct errmsg em = {};

        assert_int_equal(tracking_schema_ensure(uri, "x:/", 1, &em), 0);
        exec(uri, "UPDATE alembic_version SET version_num = 'dc11669786a5'");
        assert_int_equal(tracking_schema_ensure(uri, "x:/", 1, &em), 0);
        exec(uri, "UPDATE alembic_version SET version_num = '0123456789ab'");
        assert_int_equal(tracking_schema_ensure(uri, "x:/", 1, &em), -ENOTSUP);
        assert_non_null(strstr(em.text, "0123456789ab"));
        assert_non_null(strstr(em.text, "mlflow db upgrade"));
}

static void test_foreign(void **state) {
        const char *uri = uri_in(*state, "b.db");
        struct errmsg em = {};

        exec(uri, "CREATE TABLE mine (x)");
        assert_int_equal(tracking_schema_ensure(uri, "x:/", 1, &em), -ENOTSUP);
        assert_non_null(strstr(em.text, "has a table mine"));
        assert_int_equal(number(uri, "SELECT count(*) FROM sqlite_master"), 1);
}

static void test_no_default_again(void **state) {
        const char *uri = uri_in(*state, "c.db");
        struct errmsg em = {};

        assert_int_equal(tracking_schema_ensure(uri, "x:/", 1, &em), 0);
        exec(uri, "UPDATE experiments SET experiment_id = 5");
        assert_int_equal(tracking_schema_ensure(uri, "x:/", 1, &em), 0);
        assert_int_equal(number(uri, "SELECT count(*) FROM experiments"), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_new, setup, teardown),
                cmocka_unit_test_setup_teardown(test_image, setup, teardown),
                cmocka_unit_test_setup_teardown(test_older_head, setup, teardown),
                cmocka_unit_test_setup_teardown(test_foreign, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_default_again, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
