/* db.c: the neutral half of a connection: sets, the kept texts of searches, the state of
 * statements.
 *
 * States of a statement: idle (no row, snapshot given back) → active (a row stands) → idle.
 * n_active of the connection counts the active ones; a transaction's end makes all of them idle.
 */
#include "lib/db/db.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/errmsg.h"
#include "lib/base/fault.h"
#include "lib/base/fnv.h"
#include "lib/base/macros.h"
#include "lib/base/mem.h"
#include "lib/db/db_driver.h"
#include "lib/db/db_uri.h"

enum { SETS_MAX = 64, DYNAMIC_MAX = 64 };

struct db_stmt {
        struct db *db;
        void *handle;        /* the driver's */
        int bind_error;      /* the first failed bind, answered by the next step */
        bool is_active;      /* a row stands */
        bool is_taken;       /* dynamic: handed out and not yet reset */
        char *sql;           /* dynamic: the text that finds it again */
        uint64_t hash, used; /* dynamic: of the text; the connection's count at its last use */
};

struct prepared_set {
        const struct db_set *set;
        struct db_stmt *stmts;
};

struct db {
        const struct db_driver *driver;
        void *conn;
        char *uri;
        struct prepared_set sets[SETS_MAX];
        size_t n_sets;
        struct db_stmt dynamic[DYNAMIC_MAX];
        uint64_t n_uses, n_conflicts;
        size_t n_active;
        atomic_bool is_lent;
        bool is_lazy;    /* statements are prepared to be checked, and again when they are used */
        bool is_checked; /* they were checked by another connection */
        const char *own_error; /* a failure found before the driver was asked */
};

static const struct db_driver *const drivers[] = {
        &db_sqlite_driver,
#ifdef ONEBOX_POSTGRES
        &db_postgres_driver,
#endif
#ifdef ONEBOX_MYSQL
        &db_mysql_driver,
#endif
};

static const struct db_driver *driver_of(const char *uri) {
        for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
                for (const char *const *scheme = drivers[i]->schemes; *scheme; scheme++)
                        if (db_uri_is(uri, *scheme))
                                return drivers[i];
        return NULL;
}

static int no_driver(const char *uri, struct errmsg *em) {
        _cleanup_free_ char *shown = db_uri_redact(uri);

        return errmsg_fail(em, -EPROTONOSUPPORT,
                           "%s: this build opens no such database: write "
                           "sqlite:////absolute/path%s%s",
                           shown ? shown : "the database",
                           ARRAY_SIZE(drivers) > 1 ? ", postgresql://user@host/database" : "",
                           ARRAY_SIZE(drivers) > 2 ? " or mysql://user@host/database" : "");
}

int db_open(const char *uri, unsigned flags, struct errmsg *em, struct db **ret_db) {
        const struct db_driver *driver;
        struct db *db;
        int r;

        assert(uri);
        assert(ret_db);
        driver = driver_of(uri);
        if (!driver)
                return no_driver(uri, em);
        db = mem_new(struct db);
        if (!db)
                return -ENOMEM;
        db->driver = driver;
        db->is_checked = flags & DB_CHECKED;
        db->is_lazy = (flags & DB_FEW_PAGES) && driver->dialect == DB_SQLITE;
        for (size_t i = 0; i < DYNAMIC_MAX; i++)
                db->dynamic[i].db = db;
        db->uri = db_uri_redact(uri);
        r = db->uri ? driver->open(uri, flags, em, &db->conn) : -ENOMEM;
        if (r < 0) {
                if (r == -ENOTCONN)
                        errmsg_prefix(em, "%s", db->uri);
                db_free(db);
                return r;
        }
        assert(db->conn);
        *ret_db = db;
        return 0;
}

int db_open_config(const struct db_config *config, struct errmsg *em, struct db **ret_db) {
        struct db *db = NULL;
        int r;

        assert(config);
        r = db_open(config->uri, config->flags, em, &db);
        for (size_t i = 0; r >= 0 && i < config->n_sets; i++)
                r = db_prepare_set(db, config->sets[i], em);
        if (r < 0) {
                db_free(db);
                return r;
        }
        *ret_db = db;
        return 0;
}

static void stmt_done(struct db_stmt *s) {
        if (s->handle)
                s->db->driver->finalize(s->handle);
        mem_free(s->sql);
        *s = (struct db_stmt){.db = s->db};
}

static void set_done(struct prepared_set *p) {
        for (size_t i = 0; i < p->set->n_rows; i++)
                stmt_done(&p->stmts[i]);
        mem_free(p->stmts);
}

struct db *db_free(struct db *db) {
        if (!db)
                return NULL;
        for (size_t i = 0; i < db->n_sets; i++)
                set_done(&db->sets[i]);
        for (size_t i = 0; i < DYNAMIC_MAX; i++)
                stmt_done(&db->dynamic[i]);
        if (db->conn)
                db->driver->close(db->conn);
        mem_free(db->uri);
        mem_free(db);
        return NULL;
}

enum db_dialect db_get_dialect(const struct db *db) {
        return db->driver->dialect;
}

const char *db_get_uri(const struct db *db) {
        return db->uri;
}

const char *db_errmsg(struct db *db) {
        if (db->own_error)
                return db->own_error;
        return db->driver->get_errmsg(db->conn);
}

static int own_failure(struct db *db, int r, const char *why) {
        db->own_error = why;
        return r;
}

/* --- sets ------------------------------------------------------------------------------------- */

int db_prepare_set(struct db *db, const struct db_set *set, struct errmsg *em) {
        struct prepared_set p = {.set = set};

        assert(db);
        assert(set && set->n_rows > 0);
        db->own_error = NULL;
        if (db->n_sets == SETS_MAX)
                return errmsg_fail(em, -EOVERFLOW, "%s: more than %d statement sets", set->name,
                                   (int) SETS_MAX);
        p.stmts = mem_zalloc_array(set->n_rows, sizeof(*p.stmts));
        if (!p.stmts)
                return -ENOMEM;
        for (size_t i = 0; i < set->n_rows; i++) {
                struct db_stmt *s = &p.stmts[i];
                int r;

                s->db = db;
                if (db->is_checked)
                        continue;
                r = db->driver->prepare(db->conn, set->rows[i].sql, DB_PREPARE_KEPT, &s->handle);
                if (r < 0) {
                        errmsg_set(em, "%s: statement %s.%s: %s", db->uri, set->name,
                                   set->rows[i].name, db_errmsg(db));
                        set_done(&p);
                        return r;
                }
                if (db->is_lazy)
                        stmt_done(s);
        }
        db->sets[db->n_sets++] = p;
        return 0;
}

struct db_stmt *db_use(struct db *db, const struct db_set *set, size_t row) {
        struct db_stmt *s = NULL;

        assert(row < set->n_rows);
        assert(!db_is_lent(db));
        for (size_t i = 0; i < db->n_sets && !s; i++)
                if (db->sets[i].set == set)
                        s = &db->sets[i].stmts[row];
        assert(s);
        db_reset(s);
        if (!s->handle) /* a failure is the next step's answer */
                s->bind_error = db->driver->prepare(db->conn, set->rows[row].sql, DB_PREPARE_KEPT,
                                                    &s->handle);
        return s;
}

/* --- kept texts ------------------------------------------------------------------------------- */

/* The kept statement of `sql`, or else the place to prepare it in: a free one or the one unused for
 * longest; NULL if all are handed out. */
static struct db_stmt *dynamic_find(struct db *db, const char *sql, uint64_t hash) {
        struct db_stmt *oldest = NULL;

        for (size_t i = 0; i < DYNAMIC_MAX; i++) {
                struct db_stmt *s = &db->dynamic[i];

                if (s->is_taken)
                        continue;
                if (s->sql && s->hash == hash && strcmp(s->sql, sql) == 0)
                        return s;
                if (!oldest || s->used < oldest->used)
                        oldest = s;
        }
        return oldest;
}

static int dynamic_prepare(struct db *db, struct db_stmt *s, const char *sql, uint64_t hash) {
        int r;

        stmt_done(s);
        s->sql = mem_strdup(sql);
        if (!s->sql)
                return -ENOMEM;
        s->hash = hash;
        r = db->driver->prepare(db->conn, sql, DB_PREPARE_SHORT, &s->handle);
        if (r < 0) {
                mem_free(s->sql);
                s->sql = NULL;
        }
        return r;
}

int db_prepare_dynamic(struct db *db, const char *sql, struct db_stmt **ret_stmt) {
        struct db_stmt *s;
        uint64_t hash;
        int r;

        assert(db && sql && ret_stmt);
        assert(!db_is_lent(db));
        db->own_error = NULL;
        hash = fnv_add_text(FNV_EMPTY, sql);
        s = dynamic_find(db, sql, hash);
        if (!s)
                return own_failure(db, -EMFILE, "too many searches are open at once");
        if (!s->sql || s->hash != hash || strcmp(s->sql, sql) != 0) {
                r = dynamic_prepare(db, s, sql, hash);
                if (r < 0)
                        return r;
        }
        assert(s->handle && !s->is_active);
        s->is_taken = true;
        s->used = ++db->n_uses;
        *ret_stmt = s;
        return 0;
}

/* --- values in -------------------------------------------------------------------------------- */

static void bound(struct db_stmt *s, int r) {
        assert(!s->is_active);
        if (r < 0 && s->bind_error == 0)
                s->bind_error = r;
}

void db_bind_i64(struct db_stmt *s, int param, int64_t value) {
        bound(s, s->handle ? s->db->driver->bind_i64(s->handle, param, value) : 0);
}

void db_bind_f64(struct db_stmt *s, int param, double value) {
        if (isnan(value))
                db_bind_null(s, param);
        else
                bound(s, s->handle ? s->db->driver->bind_f64(s->handle, param, value) : 0);
}

void db_bind_text(struct db_stmt *s, int param, const char *text) {
        db_bind_text_n(s, param, text, text ? strlen(text) : 0);
}

void db_bind_text_n(struct db_stmt *s, int param, const char *text, size_t n_bytes) {
        if (!text)
                db_bind_null(s, param);
        else
                bound(s, s->handle ? s->db->driver->bind_text(s->handle, param, text, n_bytes) : 0);
}

void db_bind_blob(struct db_stmt *s, int param, const void *data, size_t n_bytes) {
        if (!data)
                db_bind_null(s, param);
        else
                bound(s, s->handle ? s->db->driver->bind_blob(s->handle, param, data, n_bytes) : 0);
}

void db_bind_null(struct db_stmt *s, int param) {
        bound(s, s->handle ? s->db->driver->bind_null(s->handle, param) : 0);
}

/* --- running ---------------------------------------------------------------------------------- */

static void set_active(struct db_stmt *s, bool active) {
        if (s->is_active == active)
                return;
        assert(active || s->db->n_active > 0);
        s->is_active = active;
        s->db->n_active += active ? 1 : (size_t) -1;
}

static void rewind_stmt(struct db_stmt *s) {
        s->db->driver->rewind(s->handle);
        set_active(s, false);
}

int db_step(struct db_stmt *s) {
        int r;

        assert(s && (s->handle || s->bind_error < 0));
        assert(!db_is_lent(s->db));
        s->db->own_error = NULL;
        if (!s->handle)
                return own_failure(s->db, s->bind_error,
                                   "a statement could not be prepared: no memory, or the schema "
                                   "has changed since the start");
        if (s->bind_error < 0)
                return own_failure(s->db, s->bind_error,
                                   "a value could not be bound: no such "
                                   "parameter, too long, or no memory");
        r = s->db->driver->step(s->db->conn, s->handle);
        if (r == DB_ROW)
                set_active(s, true);
        else
                rewind_stmt(s);
        s->db->n_conflicts += r == DB_CONFLICT;
        return r;
}

int db_run(struct db_stmt *s) {
        int r;

        do
                r = db_step(s);
        while (r == DB_ROW);
        return r;
}

void db_reset(struct db_stmt *s) {
        if (!s || !s->handle)
                return;
        rewind_stmt(s);
        s->db->driver->clear(s->handle);
        s->bind_error = 0;
        s->is_taken = false;
}

/* --- values out ------------------------------------------------------------------------------- */

bool db_col_is_null(struct db_stmt *s, int col) {
        assert(s->is_active);
        return s->db->driver->col_is_null(s->handle, col);
}

int64_t db_col_i64(struct db_stmt *s, int col) {
        assert(s->is_active);
        return s->db->driver->col_i64(s->handle, col);
}

double db_col_f64(struct db_stmt *s, int col) {
        assert(s->is_active);
        return s->db->driver->col_f64(s->handle, col);
}

const char *db_col_text(struct db_stmt *s, int col) {
        return db_col_text_n(s, col, NULL);
}

const char *db_col_text_n(struct db_stmt *s, int col, size_t *ret_n_bytes) {
        size_t n;
        const char *text;

        assert(s->is_active);
        text = s->db->driver->col_text(s->handle, col, &n);
        if (ret_n_bytes)
                *ret_n_bytes = n;
        return text;
}

const void *db_col_blob(struct db_stmt *s, int col, size_t *ret_n_bytes) {
        assert(s->is_active);
        return s->db->driver->col_blob(s->handle, col, ret_n_bytes);
}

int db_col_count(struct db_stmt *s) {
        return s->db->driver->col_count(s->handle);
}

const char *db_col_name(struct db_stmt *s, int col) {
        assert(col >= 0 && col < db_col_count(s));
        return s->db->driver->col_name(s->handle, col);
}

char *db_col_dup(struct db_stmt *s, int col, struct arena *a, bool *ret_oom) {
        size_t n;
        const char *text = db_col_text_n(s, col, &n);
        char *copy;

        if (!text)
                return NULL;
        copy = arena_strndup(a, text, n);
        if (!copy && ret_oom)
                *ret_oom = true;
        return copy;
}

int db_exec(struct db *db, const char *sql) {
        assert(!db_is_lent(db));
        db->own_error = NULL;
        return db->driver->exec(db->conn, sql);
}

int64_t db_changes(struct db *db) {
        return db->driver->changes(db->conn);
}

int64_t db_last_id(struct db *db) {
        return db->driver->last_id(db->conn);
}

int64_t db_total_changes(struct db *db) {
        return db->driver->total_changes ? db->driver->total_changes(db->conn) : -1;
}

uint64_t db_n_conflicts(const struct db *db) {
        return db->n_conflicts;
}

/* --- transactions ----------------------------------------------------------------------------- */

/* What was left on a row would hold the snapshot beyond its transaction. */
static void reset_active(struct db *db) {
        for (size_t i = 0; i < db->n_sets && db->n_active > 0; i++)
                for (size_t j = 0; j < db->sets[i].set->n_rows; j++)
                        if (db->sets[i].stmts[j].is_active)
                                db_reset(&db->sets[i].stmts[j]);
        for (size_t i = 0; i < DYNAMIC_MAX && db->n_active > 0; i++)
                if (db->dynamic[i].is_active)
                        db_reset(&db->dynamic[i]);
        assert(db->n_active == 0);
}

static int control(struct db *db, enum db_control what) {
        db->own_error = NULL;
        return db->driver->control(db->conn, what);
}

int db_begin(struct db *db, bool write) {
        assert(!db_is_lent(db));
        assert(!db_in_transaction(db));
        return control(db, write ? DB_BEGIN_WRITE : DB_BEGIN_READ);
}

int db_commit(struct db *db) {
        int r;

        assert(db_in_transaction(db));
        reset_active(db);
        r = fault_at(FAULT_COMMIT);
        if (r >= 0)
                r = control(db, DB_COMMIT);
        if (r < 0)
                db_rollback(db);
        assert(!db_in_transaction(db));
        return r;
}

void db_rollback(struct db *db) {
        reset_active(db);
        if (db_in_transaction(db))
                (void) control(db, DB_ROLLBACK_ALL);
        assert(!db_in_transaction(db));
}

bool db_in_transaction(struct db *db) {
        return db->driver->in_transaction(db->conn);
}

void db_lend(struct db *db, bool lent) {
        bool was = atomic_exchange(&db->is_lent, lent);

        assert(was != lent);
        (void) was;
}

bool db_is_lent(const struct db *db) {
        return atomic_load(&db->is_lent);
}

int db_savepoint(struct db *db) {
        return control(db, DB_SAVE);
}

int db_release(struct db *db) {
        return control(db, DB_RELEASE);
}

int db_undo(struct db *db) {
        int r;

        r = control(db, DB_UNDO);
        return r < 0 ? r : control(db, DB_RELEASE);
}

/* --- limits and care -------------------------------------------------------------------------- */

void db_set_budget(struct db *db, usec_t budget_for) {
        db->driver->set_budget(db->conn, budget_for);
}

void db_set_effort(struct db *db, usec_t cpu_for) {
        if (db->driver->set_effort)
                db->driver->set_effort(db->conn, cpu_for);
}

void db_set_pick(struct db *db, bool (*pick)(void *ctx, const char *text, size_t n_bytes),
                 void *ctx) {
        assert(db->driver->set_pick);
        db->driver->set_pick(db->conn, pick, ctx);
}

void db_interrupt(struct db *db) {
        db->driver->interrupt(db->conn);
}

int db_check(struct db *db, bool quick, struct errmsg *em) {
        db->own_error = NULL;
        return db->driver->check(db->conn, quick, em);
}

int db_backup(struct db *db, const char *path, struct errmsg *em) {
        assert(path && *path);
        db->own_error = NULL;
        return db->driver->backup(db->conn, path, em);
}

size_t db_trim(struct db *db) {
        assert(!db_in_transaction(db));
        return db->driver->trim ? db->driver->trim(db->conn) : 0;
}

size_t db_wal_pages(struct db *db) {
        return db->driver->wal_pages ? db->driver->wal_pages(db->conn) : 0;
}

bool db_wal_set_limit(struct db *db, size_t n_pages) {
        if (!db->driver->wal_set_limit)
                return false;
        assert(n_pages > 0);
        db->driver->wal_set_limit(db->conn, n_pages);
        return true;
}

int db_wal_checkpoint(struct db *db, size_t *ret_left) {
        assert(!db_in_transaction(db));
        *ret_left = 0;
        return db->driver->wal_checkpoint ? db->driver->wal_checkpoint(db->conn, ret_left) : 0;
}
