#include "daemons/tracking/tracking_schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemons/tracking/artifact_uri.h"
#include "daemons/tracking/schema_image.h"
#include "lib/base/arena.h"
#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/str.h"
#include "lib/db/db.h"

static const char schema_sqlite[] =
#include "daemons/tracking/schema_mlflow.inc"
        ;
static const char schema_postgres[] =
#include "daemons/tracking/schema_postgres.inc"
        ;
static const char schema_mysql[] =
#include "daemons/tracking/schema_mysql.inc"
        ;
static const char *const schemas[] = {
        [DB_SQLITE] = schema_sqlite, [DB_POSTGRES] = schema_postgres, [DB_MYSQL] = schema_mysql};

/* Where an engine says which tables there are. */
#define TABLES                                                                          \
        "SELECT {name|table_name|table_name} FROM {sqlite_master WHERE type = 'table'|" \
        "information_schema.tables WHERE table_schema = current_schema()|"              \
        "information_schema.tables WHERE table_schema = database()} "

static const struct {
        const char *name, *table, *columns;
        unsigned dialects;
} indexes[] = {
#define TRACKING_INDEX(name, dialects, table, columns) {#name, table, columns, dialects},
#include "daemons/tracking/tracking_indexes.def"
#undef TRACKING_INDEX
};

/* Alembic revisions whose tables we read and write as they are, the newest first. */
static const struct {
        const char *revision, *version;
} known[] = {
        {"f4a9b2c7d1e6", "3.18.0"},
        {"dc11669786a5", "3.17.2"},
};

const char *tracking_schema_path(const char *uri) {
        const char *path = str_after(uri, "sqlite:///");

        return str_empty(path) ? NULL : path;
}

static int make_directory(const char *uri, struct errmsg *em) {
        const char *path = tracking_schema_path(uri);
        int r = path ? fileio_mkdir_parents(path, 0750) : 0;

        if (r < 0)
                return errmsg_errno(em, r,
                                    "the directory of %s cannot be made by uid %u: make it and "
                                    "give it to that uid, or name another with --backend-store-uri",
                                    path, (unsigned) geteuid());
        return 0;
}

/* One row of one column: DB_ROW with the text in `ret`, DB_DONE, or -errno. */
static int first_text(struct db *db, const char *sql, char *ret, size_t size) {
        DB_USE struct db_stmt *s = NULL;
        int r = db_prepare_dynamic(db, sql, &s);

        if (r == 0)
                r = db_step(s);
        if (r == DB_ROW)
                snprintf(ret, size, "%s", db_col_text(s, 0) ? db_col_text(s, 0) : "");
        return r;
}

static int make_tables(struct db *db) {
        return db_exec(db, schemas[db_get_dialect(db)]);
}

static int check_revision(struct db *db, struct errmsg *em) {
        char revision[64] = "none";
        int r = first_text(db, "SELECT version_num FROM alembic_version", revision,
                           sizeof(revision));

        if (r == DB_DONE && db_get_dialect(db) == DB_MYSQL)
                return make_tables(db); /* we were cut off */
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (str_eq(known[i].revision, revision))
                        return 0;
        return errmsg_fail(em, -ENOTSUP,
                           "%s has MLflow's schema of revision %s, this server knows %s (MLflow "
                           "%s) and %s (MLflow %s): if yours is older, stop all servers, make a "
                           "backup and run `mlflow db upgrade %s` with MLflow %s; if it is newer, "
                           "install a newer onebox",
                           db_get_uri(db), revision, known[0].revision, known[0].version,
                           known[1].revision, known[1].version, db_get_uri(db), known[0].version);
}

static int ensure_tables(struct db *db, struct errmsg *em) {
        char name[256];
        int r;

        r = first_text(db, TABLES "AND {name|table_name|table_name} = 'alembic_version'", name,
                       sizeof(name));
        if (r == DB_ROW)
                return check_revision(db, em);
        if (r == DB_DONE)
                r = first_text(db, TABLES "LIMIT 1", name, sizeof(name));
        if (r == DB_ROW)
                return errmsg_fail(em, -ENOTSUP,
                                   "%s has a table %s but is no database of MLflow: name another "
                                   "one with --backend-store-uri",
                                   db_get_uri(db), name);
        return r < 0 ? r : make_tables(db);
}

int tracking_schema_check(struct db *db, struct errmsg *em, char *ret, size_t size) {
        int r = first_text(db, TABLES "AND {name|table_name|table_name} = 'alembic_version'", ret,
                           size);

        if (r == DB_ROW)
                r = first_text(db, "SELECT version_num FROM alembic_version", ret, size);
        if (r == DB_DONE)
                return errmsg_fail(em, -ENODATA, "%s holds no tables of MLflow", db_get_uri(db));
        return r < 0 ? errmsg_fail(em, r, "%s: %s", db_get_uri(db), db_errmsg(db))
                     : check_revision(db, em);
}

/* MySQL cannot be asked to make an index unless it is there. */
static int ensure_index(struct db *db, size_t i) {
        char sql[512], name[64];
        DB_USE struct db_stmt *s = NULL;
        int r;

        (void) snprintf(
                sql, sizeof(sql),
                "SELECT 1 FROM {sqlite_master WHERE type = 'index' AND name = '%s'|pg_indexes "
                "WHERE schemaname = current_schema() AND indexname = '%s'|"
                "information_schema.statistics WHERE table_schema = database() AND "
                "index_name = '%s'} LIMIT 1",
                indexes[i].name, indexes[i].name, indexes[i].name);
        r = first_text(db, sql, name, sizeof(name));
        if (r != DB_DONE)
                return r < 0 ? r : 0;
        (void) snprintf(sql, sizeof(sql), "CREATE INDEX %s ON %s (%s)", indexes[i].name,
                        indexes[i].table, indexes[i].columns);
        r = db_prepare_dynamic(db, sql, &s);
        return r < 0 ? r : db_run(s);
}

static int ensure_indexes(struct db *db) {
        /* what earlier versions made and onebox_runs_listed does as well */
        int r = db_get_dialect(db) == DB_SQLITE
                        ? db_exec(db, "DROP INDEX IF EXISTS onebox_runs_newest")
                        : 0;

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(indexes); i++)
                if (indexes[i].dialects & 1u << db_get_dialect(db))
                        r = ensure_index(db, i);
        return r;
}

/* Two servers that start at once must not both make the tables. SQLite's write lock is enough. */
static int lock(struct db *db) {
        DB_USE struct db_stmt *s = NULL;
        int r;

        if (db_get_dialect(db) == DB_SQLITE)
                return 0;
        r = db_prepare_dynamic(db,
                               "SELECT {|1 FROM pg_advisory_xact_lock(6661711)|"
                               "GET_LOCK('onebox_schema', 60)}",
                               &s);
        r = r < 0 ? r : db_step(s);
        return r < 0 ? r : 0;
}

/* MLflow's pages and clients expect an experiment with the id 0. */
static int ensure_default_experiment(struct db *db, const char *artifact_root, int64_t now_ms) {
        struct arena a;
        DB_USE struct db_stmt *s = NULL;
        const char *location;
        int r;

        r = db_prepare_dynamic(
                db,
                "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, "
                "creation_time, last_update_time, workspace) SELECT 0, 'Default', ?, 'active', ?, "
                "?, 'default' {||FROM DUAL} WHERE NOT EXISTS (SELECT 1 FROM experiments WHERE "
                "experiment_id = 0)",
                &s);
        if (r < 0)
                return r;
        arena_init(&a, 0);
        location = artifact_uri_append(&a, artifact_root, "0");
        if (location) {
                db_bind_all(s, location, now_ms, now_ms);
                r = db_run(s);
        } else {
                r = -ENOMEM;
        }
        db_reset(s);
        s = NULL;
        arena_done(&a);
        /* Another experiment may be called Default: then there is none with the id 0. */
        return r == DB_CONFLICT ? 0 : r;
}

/* What webhooks are still to be told: with the change itself, in one transaction. */
static const char webhook_queue[] =
        "CREATE TABLE IF NOT EXISTS onebox_webhook_queue (delivery_id VARCHAR(36) NOT NULL PRIMARY "
        "KEY, webhook_id VARCHAR(256) NOT NULL, body TEXT NOT NULL, attempts INTEGER NOT NULL, "
        "due_at BIGINT NOT NULL)";

/* And what they were told lately: see webhook_deliveries_sql.h. */
static const char webhook_deliveries[] =
        "CREATE TABLE IF NOT EXISTS onebox_webhook_deliveries (webhook_id VARCHAR(256) NOT NULL, "
        "delivery_id VARCHAR(36) NOT NULL, entity VARCHAR(64) NOT NULL, action VARCHAR(64) NOT "
        "NULL, is_test INTEGER NOT NULL, queued_at BIGINT NOT NULL, attempts INTEGER NOT NULL, "
        "told_at BIGINT, status INTEGER, error VARCHAR(500), due_at BIGINT NOT NULL, message "
        "VARCHAR(2000) NOT NULL, PRIMARY KEY (webhook_id, delivery_id))";

/* What tries read and wrote, until they have ended: see lineage_sql.h. */
static const char lineage[] =
        "CREATE TABLE IF NOT EXISTS onebox_lineage (try_id VARCHAR(64) NOT NULL, id VARCHAR(36) "
        "NOT "
        "NULL, bucket VARCHAR(255) NOT NULL, name VARCHAR(1024) NOT NULL, generation VARCHAR(20) "
        "NOT NULL, written INTEGER NOT NULL, noted_at BIGINT NOT NULL, PRIMARY KEY (try_id, id))";

/* All but what stands in the tables. */
static int ensure_all(struct db *db, struct errmsg *em) {
        int r = lock(db);

        if (r == 0)
                r = ensure_tables(db, em);
        if (r == 0)
                r = ensure_indexes(db);
        if (r == 0)
                r = db_exec(db, webhook_queue);
        if (r == 0)
                r = db_exec(db, webhook_deliveries);
        if (r == 0)
                r = db_exec(db, lineage);
        return r;
}

static int ensure(struct db *db, const char *artifact_root, int64_t now_ms, struct errmsg *em) {
        struct errmsg why = {};
        int r = db_begin(db, true);

        if (r == 0)
                r = ensure_all(db, &why);
        if (r == 0 && artifact_root)
                r = ensure_default_experiment(db, artifact_root, now_ms);
        if (r == 0)
                r = db_commit(db);
        if (r == 0)
                return 0;
        if (!*why.text)
                errmsg_set(&why, "%s: %s", db_get_uri(db), db_errmsg(db));
        errmsg_set(em, "%s", why.text);
        if (db_in_transaction(db))
                db_rollback(db);
        return r > 0 ? -EINVAL : r;
}

/* A new file is one write. */
static int make_file(const char *uri, struct errmsg *em) {
        const char *path = tracking_schema_path(uri);

        if (schema_image.size == 0 || !path || str_eq(path, ":memory:") || strchr(path, '?'))
                return 0;
        return db_sqlite_file_make(path, &schema_image, em);
}

int tracking_schema_open(const char *uri, const char *artifact_root, int64_t now_ms,
                         struct errmsg *em, struct db **ret_db) {
        struct db *db _cleanup_(db_freep) = NULL;
        int r = make_directory(uri, em);

        if (r == 0)
                r = make_file(uri, em);
        if (r == 0)
                r = db_open(uri, DB_CREATE, em, &db);
        if (r == 0)
                r = ensure(db, artifact_root, now_ms, em);
        if (r == 0)
                *ret_db = TAKE_PTR(db);
        return r;
}

int tracking_schema_ensure(const char *uri, const char *artifact_root, int64_t now_ms,
                           struct errmsg *em) {
        struct db *db _cleanup_(db_freep) = NULL;

        return tracking_schema_open(uri, artifact_root, now_ms, em, &db);
}

int tracking_schema_make(const char *uri, struct errmsg *em) {
        struct db *db _cleanup_(db_freep) = NULL;
        int r = db_open(uri, DB_CREATE, em, &db);

        return r < 0 ? r : ensure(db, NULL, 0, em);
}
