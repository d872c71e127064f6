#include "daemons/tracking/tracking_schema.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "daemons/tracking/artifact_uri.h"
#include "lib/base/arena.h"
#include "lib/base/errmsg.h"
#include "lib/base/fileio.h"
#include "lib/base/str.h"
#include "lib/db/db.h"

static const char schema_mlflow[] =
#include "daemons/tracking/schema_mlflow.inc"
        ;
static const char schema_extra[] =
#include "daemons/tracking/schema_extra.inc"
        ;

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

static int check_revision(struct db *db, struct errmsg *em) {
        char revision[64] = "none";
        int r = first_text(db, "SELECT version_num FROM alembic_version", revision,
                           sizeof(revision));

        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (str_eq(known[i].revision, revision))
                        return 0;
        return errmsg_fail(em, -ENOTSUP,
                           "%s has MLflow's schema of revision %s, this server knows %s (MLflow "
                           "%s) and %s (MLflow %s): if yours is older, stop all servers, make a "
                           "backup and run `mlflow db upgrade %s` with MLflow %s",
                           db_get_uri(db), revision, known[0].revision, known[0].version,
                           known[1].revision, known[1].version, db_get_uri(db), known[0].version);
}

static int ensure_tables(struct db *db, struct errmsg *em) {
        char name[256];
        int r;

        r = first_text(db,
                       "SELECT name FROM sqlite_master WHERE type = 'table' AND name = "
                       "'alembic_version'",
                       name, sizeof(name));
        if (r == DB_ROW)
                return check_revision(db, em);
        if (r == DB_DONE)
                r = first_text(db, "SELECT name FROM sqlite_master WHERE type = 'table' LIMIT 1",
                               name, sizeof(name));
        if (r == DB_ROW)
                return errmsg_fail(em, -ENOTSUP,
                                   "%s has a table %s but is no database of MLflow: name another "
                                   "file with --backend-store-uri",
                                   db_get_uri(db), name);
        return r < 0 ? r : db_exec(db, schema_mlflow);
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
                "?, 'default' WHERE NOT EXISTS (SELECT 1 FROM experiments WHERE experiment_id = 0)",
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

static int ensure_all(struct db *db, const char *artifact_root, int64_t now_ms, struct errmsg *em) {
        int r = ensure_tables(db, em);

        if (r == 0)
                r = db_exec(db, schema_extra);
        if (r == 0)
                r = ensure_default_experiment(db, artifact_root, now_ms);
        return r > 0 ? -EINVAL : r;
}

int tracking_schema_ensure(const char *uri, const char *artifact_root, int64_t now_ms,
                           struct errmsg *em) {
        struct db *db _cleanup_(db_freep) = NULL;
        struct errmsg why = {};
        int r = make_directory(uri, em);

        if (r == 0)
                r = db_open(uri, DB_CREATE, em, &db);
        if (r < 0)
                return r;
        r = db_begin(db, true);
        if (r == 0)
                r = ensure_all(db, artifact_root, now_ms, &why);
        if (r == 0)
                return db_commit(db);
        if (!*why.text)
                errmsg_set(&why, "%s: %s", uri, db_errmsg(db));
        errmsg_set(em, "%s", why.text);
        if (db_in_transaction(db))
                db_rollback(db);
        return r;
}
