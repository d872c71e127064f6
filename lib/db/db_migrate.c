/* db_migrate.c: see db_migrate.h. */
#include "lib/db/db_migrate.h"

#include <assert.h>
#include <errno.h>

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/db/db.h"
#include "lib/db/db_sql.h"

int db_migrate_get_version(struct db *db, int *ret_version) {
        DB_USE struct db_stmt *s = NULL;
        int r;

        assert(ret_version);
        r = db_prepare_dynamic(db, "SELECT max(version) FROM schema_version", &s);
        if (r >= 0)
                r = db_step(s);
        if (r < 0 && r != -EINVAL)
                return r;
        assert(r == DB_ROW || r == -EINVAL);
        *ret_version = r == DB_ROW ? (int) db_col_i64(s, 0) : 0; /* 0: no such table, all new */
        return 0;
}

static int record(struct db *db, int version, usec_t now_at) {
        DB_USE struct db_stmt *s = NULL;
        int r;

        r = db_prepare_dynamic(
                db, "INSERT INTO schema_version(version, applied_at_usec) VALUES (?, ?)", &s);
        if (r < 0)
                return r;
        db_bind_all(s, version, now_at);
        return db_run(s);
}

static int apply(struct db *db, const struct db_migration *m, usec_t now_at, struct errmsg *em) {
        _cleanup_buf_ struct buf text = {};
        struct db_sql_facts facts;
        int r;

        assert(m->version > 0 && m->sql);
        r = db_sql_translate(m->sql, db_get_dialect(db), &text, &facts);
        if (r < 0)
                return errmsg_fail(em, r, "%s: migration %d: a quote or brace is not closed",
                                   db_get_uri(db), m->version);
        r = db_exec(db, text.data);
        if (r == 0)
                r = record(db, m->version, now_at);
        if (r == DB_CONFLICT)
                r = -EEXIST;
        if (r < 0)
                errmsg_set(em, "%s: migration %d: %s", db_get_uri(db), m->version, db_errmsg(db));
        return r;
}

/* Inside the transaction: nobody else can change the version any more. */
static int apply_missing(struct db *db, const struct db_migration *rows, size_t n_rows,
                         usec_t now_at, struct errmsg *em) {
        int version, r;

        r = db_exec(db, "CREATE TABLE IF NOT EXISTS schema_version("
                        "version INTEGER NOT NULL PRIMARY KEY, applied_at_usec BIGINT NOT NULL)");
        if (r >= 0)
                r = db_migrate_get_version(db, &version);
        if (r < 0)
                return errmsg_fail(em, r, "%s: %s", db_get_uri(db), db_errmsg(db));
        for (size_t i = 0; r >= 0 && i < n_rows; i++) {
                assert(rows[i].version == (int) i + 1);
                if (rows[i].version > version)
                        r = apply(db, &rows[i], now_at, em);
        }
        return r;
}

int db_migrate(struct db *db, const struct db_migration *rows, size_t n_rows, usec_t now_at,
               struct errmsg *em) {
        int newest = (int) n_rows, version, r;

        assert(rows && n_rows > 0);
        r = db_migrate_get_version(db, &version);
        if (r < 0)
                return errmsg_fail(em, r, "%s: %s", db_get_uri(db), db_errmsg(db));
        if (version > newest)
                return errmsg_fail(
                        em, -ENOTSUP,
                        "%s: its tables are of version %d, this program knows %d: install "
                        "the newer onebox, or restore a backup made before it",
                        db_get_uri(db), version, newest);
        if (version == newest)
                return 0;
        r = db_begin(db, true);
        if (r < 0)
                return errmsg_fail(em, r, "%s: %s", db_get_uri(db), db_errmsg(db));
        r = apply_missing(db, rows, n_rows, now_at, em);
        if (r < 0) {
                db_rollback(db);
                return r;
        }
        r = db_commit(db);
        return r < 0 ? errmsg_fail(em, r, "%s: %s", db_get_uri(db), db_errmsg(db)) : 0;
}
