/* db_sqlite.c: SQLite as the engine of db.h.
 *
 * Debian builds SQLite with SECURE_DELETE, without lookaside, with extension loading and URI file
 * names on: every setting that matters is made here, none is left to the build. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/fault.h"
#include "lib/base/fileio.h"
#include "lib/base/macros.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/db/db_driver.h"
#include "lib/db/db_sql.h"
#include "lib/db/db_sqlite_backup.h"
#include "lib/db/db_sqlite_budget.h"
#include "lib/db/db_sqlite_file.h"
#include "lib/db/db_sqlite_pages.h"
#include "lib/db/db_sqlite_pick.h"
#include "lib/db/db_sqlite_regexp.h"
#include "lib/db/db_sqlite_wal.h"

enum {
        BUSY_WAIT_MSEC = 10000, /* another process (a backup, mlflow) may hold the lock */
        CONTROL_N = DB_CONTROL_N,
};

struct conn {
        sqlite3 *sqlite;
        sqlite3_stmt *controls[CONTROL_N];
        struct db_sqlite_wal wal;
        struct db_sqlite_budget budget;
        struct db_sqlite_pick pick;
        char error[512];
};

static const char *const control_texts[CONTROL_N] = {
        [DB_BEGIN_READ] = "BEGIN",   [DB_BEGIN_WRITE] = "BEGIN IMMEDIATE",
        [DB_COMMIT] = "COMMIT",      [DB_ROLLBACK_ALL] = "ROLLBACK",
        [DB_SAVE] = "SAVEPOINT s",   [DB_RELEASE] = "RELEASE s",
        [DB_UNDO] = "ROLLBACK TO s",
};

/* --- failures --------------------------------------------------------------------------------- */

static int constraint_answer(int rc) {
        switch (rc) {
        case SQLITE_CONSTRAINT_UNIQUE:
        case SQLITE_CONSTRAINT_PRIMARYKEY:
        case SQLITE_CONSTRAINT_ROWID:
                return DB_CONFLICT;
        default:
                return -EINVAL;
        }
}

static int answer_of(int rc) {
        static const struct {
                int primary, answer;
        } rows[] = {
                {SQLITE_OK, 0},
                {SQLITE_DONE, DB_DONE},
                {SQLITE_ROW, DB_ROW},
                {SQLITE_NOMEM, -ENOMEM},
                {SQLITE_FULL, -ENOSPC},
                {SQLITE_IOERR, -EIO},
                {SQLITE_CORRUPT, -EUCLEAN},
                {SQLITE_NOTADB, -EUCLEAN},
                {SQLITE_BUSY, -EBUSY},
                {SQLITE_LOCKED, -EBUSY},
                {SQLITE_PROTOCOL, -EBUSY},
                {SQLITE_READONLY, -EROFS},
                {SQLITE_PERM, -EACCES},
                {SQLITE_AUTH, -EACCES},
                {SQLITE_CANTOPEN, -ENOENT},
                {SQLITE_TOOBIG, -EOVERFLOW},
                {SQLITE_INTERRUPT, -ECANCELED},
        };

        if ((rc & 0xff) == SQLITE_CONSTRAINT)
                return constraint_answer(rc);
        if (rc == SQLITE_IOERR_NOMEM)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (rows[i].primary == (rc & 0xff))
                        return rows[i].answer;
        return -EINVAL;
}

/* The answer for `rc`; what is not a success leaves its words in conn->error. */
static int answered(struct conn *c, int rc) {
        int r = answer_of(rc);

        if (r == 0 || r == DB_ROW)
                return r;
        (void) snprintf(c->error, sizeof(c->error), "%s", sqlite3_errmsg(c->sqlite));
        if (r == -ECANCELED && c->budget.is_over) {
                (void) snprintf(c->error, sizeof(c->error), "it took longer than it may");
                return -ETIME;
        }
        return r;
}

static const char *sqlite_get_errmsg(void *conn) {
        return ((struct conn *) conn)->error;
}

/* --- opening ---------------------------------------------------------------------------------- */

#ifdef ONEBOX_FAULTS
/* Every page that is written passes here, so that a test can fill the disk at any of them. */
static ssize_t write_at(int fd, const void *data, size_t n, off64_t offset) {
        int r = fault_at(FAULT_DB_WRITE);

        if (r < 0) {
                errno = -r;
                return -1;
        }
        return pwrite64(fd, data, n, offset);
}

static void setup_faults(void) {
        sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

        assert(vfs && vfs->xSetSystemCall);
        if (vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr) write_at) != SQLITE_OK)
                (void) vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr) write_at);
}
#endif

static void setup_library(void) {
        /* Counting memory takes one lock shared by all threads. Too late only if someone else in
         * this process has used SQLite before: then the default stays. */
        (void) sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
        (void) sqlite3_initialize();
#ifdef ONEBOX_FAULTS
        setup_faults();
#endif
}

/* The path of a URI, "" for one in memory; NULL if it has another form. */
static const char *path_of(const char *uri) {
        const char *path = uri + strlen("sqlite:");

        if (strncmp(path, "//", 2) != 0 || strchr(path, '?'))
                return NULL;
        path += 2;
        if (*path == '\0' || strcmp(path, "/:memory:") == 0)
                return "";
        return *path == '/' && path[1] != '\0' ? path + 1 : NULL;
}

static int open_file(struct conn *c, const char *path, unsigned flags, struct errmsg *em) {
        int mode = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_READWRITE;
        char name[PATH_MAX + 3];
        struct stat st;
        int r, rc;

        if (*path && (flags & DB_CREATE)) {
                r = db_sqlite_file_make(path, NULL, em);
                if (r < 0)
                        return r;
        }
        if (*path && stat(path, &st) < 0)
                return errmsg_errno(em, -errno, "%s: cannot open the database", path);
        /* "./" keeps a relative name like file:x from being taken for SQLite's own URI form. */
        if (snprintf(name, sizeof(name), "%s%s", *path == '/' ? "" : "./", path) > PATH_MAX)
                return -ENAMETOOLONG;
        rc = sqlite3_open_v2(*path ? name : ":memory:", &c->sqlite, mode, NULL);
        if (rc != SQLITE_OK) {
                r = c->sqlite && sqlite3_system_errno(c->sqlite) == EACCES ? -EACCES
                                                                           : answer_of(rc);
                return errmsg_fail(em, r, "%s: cannot open the database as uid %u: %s", path,
                                   (unsigned) geteuid(), sqlite3_errstr(rc));
        }
        return 0;
}

static int exec_text(struct conn *c, const char *sql) {
        return answered(c, sqlite3_exec(c->sqlite, sql, NULL, NULL, NULL));
}

/* WAL must be confirmed: without shared memory SQLite quietly keeps the old mode. */
static int set_journal(struct conn *c, const char *mode) {
        sqlite3_stmt *s = NULL;
        char sql[64];
        int r;

        (void) snprintf(sql, sizeof(sql), "PRAGMA journal_mode=%s", mode);
        r = answered(c, sqlite3_prepare_v2(c->sqlite, sql, -1, &s, NULL));
        if (r < 0)
                return r;
        r = answered(c, sqlite3_step(s));
        if (r == DB_ROW) {
                const char *got = (const char *) sqlite3_column_text(s, 0);

                r = got && (sqlite3_stricmp(got, mode) == 0 || strcmp(got, "memory") == 0)
                            ? 0
                            : -ENOTSUP;
                if (r < 0)
                        (void) snprintf(c->error, sizeof(c->error),
                                        "journal mode %s is not possible on this file system",
                                        mode);
        }
        (void) sqlite3_finalize(s);
        return r;
}

static int setup_connection(struct conn *c, unsigned flags) {
        static const char pragmas[] = "PRAGMA mmap_size=0;" /* a bad sector is -EIO, not SIGBUS */
                                      "PRAGMA temp_store=MEMORY;"
                                      "PRAGMA secure_delete=OFF;"
                                      "PRAGMA recursive_triggers=ON;"
                                      "PRAGMA journal_size_limit=67108864;";
        int r;

        db_sqlite_wal_init(&c->wal, c->sqlite);
        db_sqlite_budget_init(&c->budget, c->sqlite);
        (void) sqlite3_busy_timeout(c->sqlite, BUSY_WAIT_MSEC);
        (void) sqlite3_db_config(c->sqlite, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
        (void) sqlite3_db_config(c->sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        (void) sqlite3_db_config(c->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        (void) sqlite3_db_config(c->sqlite, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
        (void) sqlite3_db_config(c->sqlite, SQLITE_DBCONFIG_ENABLE_FKEY,
                                 (flags & DB_FOREIGN_KEYS) ? 1 : 0, NULL);
        (void) sqlite3_limit(c->sqlite, SQLITE_LIMIT_ATTACHED, 1); /* VACUUM's */
        r = exec_text(c, pragmas);
        if (r >= 0)
                r = answered(c, db_sqlite_pick_init(&c->pick, c->sqlite));
        if (r >= 0)
                r = answered(c, db_sqlite_regexp_init(c->sqlite));
        if (r >= 0)
                r = answered(c, db_sqlite_pages_limit(c->sqlite, flags));
        if (r >= 0)
                r = exec_text(c, (flags & DB_SYNC_NORMAL) ? "PRAGMA synchronous=NORMAL"
                                                          : "PRAGMA synchronous=FULL");
        if (r >= 0 && !(flags & DB_READ_ONLY))
                r = set_journal(c, (flags & DB_ROLLBACK) ? "TRUNCATE" : "WAL");
        if (r >= 0 && (flags & DB_READ_ONLY))
                r = exec_text(c, "PRAGMA query_only=ON; SELECT 1 FROM sqlite_schema LIMIT 1");
        return r;
}

static int setup_controls(struct conn *c) {
        for (size_t i = 0; i < CONTROL_N; i++) {
                int r = answered(c, sqlite3_prepare_v3(c->sqlite, control_texts[i], -1,
                                                       SQLITE_PREPARE_PERSISTENT, &c->controls[i],
                                                       NULL));

                if (r < 0)
                        return r;
        }
        return 0;
}

static void sqlite_close(void *conn) {
        struct conn *c = conn;
        int rc;

        for (size_t i = 0; i < CONTROL_N; i++)
                (void) sqlite3_finalize(c->controls[i]);
        rc = sqlite3_close(c->sqlite);
        assert(rc == SQLITE_OK);
        (void) rc;
        mem_free(c);
}

static int sqlite_open(const char *uri, unsigned flags, struct errmsg *em, void **ret_conn) {
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        const char *path = path_of(uri);
        struct conn *c;
        int r;

        if (!path)
                return errmsg_fail(em, -EINVAL,
                                   "%s: write sqlite:////absolute/path or "
                                   "sqlite:///relative/path",
                                   uri);
        (void) pthread_once(&once, setup_library);
        c = mem_new(struct conn);
        if (!c)
                return -ENOMEM;
        r = open_file(c, path, flags, em);
        if (r >= 0) {
                r = setup_connection(c, flags);
                if (r >= 0)
                        r = setup_controls(c);
                if (r < 0)
                        errmsg_set(em, "%s: cannot use the database: %s", path, c->error);
        }
        if (r < 0) {
                sqlite_close(c);
                return r;
        }
        *ret_conn = c;
        return 0;
}

/* --- statements ------------------------------------------------------------------------------- */

static int prepare_plain(struct conn *c, const char *sql, enum db_prepare life, void **ret_stmt) {
        unsigned flags = life == DB_PREPARE_KEPT ? SQLITE_PREPARE_PERSISTENT : 0;
        sqlite3_stmt *s = NULL;
        const char *rest;
        int r;

        r = answered(c, sqlite3_prepare_v3(c->sqlite, sql, -1, flags, &s, &rest));
        if (r < 0)
                return r;
        rest += strspn(rest, " \t\r\n;");
        if (!s || *rest) {
                (void) snprintf(c->error, sizeof(c->error), "not exactly one statement");
                (void) sqlite3_finalize(s);
                return -EINVAL;
        }
        *ret_stmt = s;
        return 0;
}

/* Only texts with a choice of words in them are another one here. */
static int prepare_translated(void *conn, const char *sql, enum db_prepare life, void **ret_stmt) {
        _cleanup_buf_ struct buf text = {};
        struct db_sql_facts facts;
        struct conn *c = conn;
        int r = db_sql_translate(sql, DB_SQLITE, &text, &facts);

        assert(strchr(sql, '{'));
        if (r == -EINVAL)
                (void) snprintf(c->error, sizeof(c->error), "a quote or brace is not closed");
        return r < 0 ? r : prepare_plain(c, buf_cstr(&text), life, ret_stmt);
}

static int sqlite_prepare(void *conn, const char *sql, enum db_prepare life, void **ret_stmt) {
        return strchr(sql, '{') ? prepare_translated(conn, sql, life, ret_stmt)
                                : prepare_plain(conn, sql, life, ret_stmt);
}

static void sqlite_finalize(void *stmt) {
        (void) sqlite3_finalize(stmt);
}

static int sqlite_bind_i64(void *stmt, int param, int64_t value) {
        return answer_of(sqlite3_bind_int64(stmt, param, value));
}

static int sqlite_bind_f64(void *stmt, int param, double value) {
        return answer_of(sqlite3_bind_double(stmt, param, value));
}

static int sqlite_bind_text(void *stmt, int param, const char *text, size_t n_bytes) {
        return answer_of(
                sqlite3_bind_text64(stmt, param, text, n_bytes, SQLITE_STATIC, SQLITE_UTF8));
}

static int sqlite_bind_blob(void *stmt, int param, const void *data, size_t n_bytes) {
        return answer_of(sqlite3_bind_blob64(stmt, param, data, n_bytes, SQLITE_STATIC));
}

static int sqlite_bind_null(void *stmt, int param) {
        return answer_of(sqlite3_bind_null(stmt, param));
}

static int sqlite_step(void *conn, void *stmt) {
        return answered(conn, sqlite3_step(stmt));
}

static void sqlite_rewind(void *stmt) {
        (void) sqlite3_reset(stmt); /* repeats the failure that step has answered already */
}

static void sqlite_clear(void *stmt) {
        (void) sqlite3_clear_bindings(stmt);
}

static bool sqlite_col_is_null(void *stmt, int col) {
        return sqlite3_column_type(stmt, col) == SQLITE_NULL;
}

static int64_t sqlite_col_i64(void *stmt, int col) {
        return sqlite3_column_int64(stmt, col);
}

static double sqlite_col_f64(void *stmt, int col) {
        return sqlite3_column_double(stmt, col);
}

static const char *sqlite_col_text(void *stmt, int col, size_t *ret_n_bytes) {
        const char *text = (const char *) sqlite3_column_text(stmt, col);

        *ret_n_bytes = (size_t) sqlite3_column_bytes(stmt, col);
        return text;
}

static const void *sqlite_col_blob(void *stmt, int col, size_t *ret_n_bytes) {
        const void *data = sqlite3_column_blob(stmt, col);

        *ret_n_bytes = (size_t) sqlite3_column_bytes(stmt, col);
        return data;
}

static int sqlite_col_count(void *stmt) {
        return sqlite3_column_count(stmt);
}

static const char *sqlite_col_name(void *stmt, int col) {
        return sqlite3_column_name(stmt, col);
}

static int sqlite_exec(void *conn, const char *sql) {
        return exec_text(conn, sql);
}

static int sqlite_control(void *conn, enum db_control what) {
        struct conn *c = conn;
        int r = answered(c, sqlite3_step(c->controls[what]));

        (void) sqlite3_reset(c->controls[what]);
        return r;
}

static bool sqlite_in_transaction(void *conn) {
        return !sqlite3_get_autocommit(((struct conn *) conn)->sqlite);
}

static int64_t sqlite_changes(void *conn) {
        return sqlite3_changes64(((struct conn *) conn)->sqlite);
}

static int64_t sqlite_last_id(void *conn) {
        return sqlite3_last_insert_rowid(((struct conn *) conn)->sqlite);
}

static int64_t sqlite_total_changes(void *conn) {
        return sqlite3_total_changes64(((struct conn *) conn)->sqlite);
}

/* --- limits ----------------------------------------------------------------------------------- */

static void sqlite_set_budget(void *conn, usec_t budget_for) {
        db_sqlite_budget_set(&((struct conn *) conn)->budget, budget_for);
}

static void sqlite_set_effort(void *conn, usec_t cpu_for) {
        db_sqlite_budget_set_cpu(&((struct conn *) conn)->budget, cpu_for);
}

static void sqlite_set_pick(void *conn, bool (*pick)(void *ctx, const char *text, size_t n_bytes),
                            void *ctx) {
        ((struct conn *) conn)->pick = (struct db_sqlite_pick){pick, ctx};
}

static void sqlite_interrupt(void *conn) {
        sqlite3_interrupt(((struct conn *) conn)->sqlite);
}

/* --- care ------------------------------------------------------------------------------------- */

static int sqlite_check(void *conn, bool quick, struct errmsg *em) {
        const char *sql = quick ? "PRAGMA quick_check(1)" : "PRAGMA integrity_check(1)";
        struct conn *c = conn;
        sqlite3_stmt *s = NULL;
        int r = answered(c, sqlite3_prepare_v2(c->sqlite, sql, -1, &s, NULL));

        if (r >= 0)
                r = answered(c, sqlite3_step(s));
        if (r == DB_ROW) {
                const char *found = (const char *) sqlite3_column_text(s, 0);

                r = found && strcmp(found, "ok") == 0 ? 0 : -EUCLEAN;
                if (r < 0)
                        errmsg_set(em, "the database is damaged: %s", found ? found : "?");
        } else if (r < 0) {
                errmsg_set(em, "the database cannot be checked: %s", c->error);
        }
        (void) sqlite3_finalize(s);
        return r;
}

static int sqlite_backup(void *conn, const char *path, struct errmsg *em) {
        struct conn *c = conn;

        return db_sqlite_backup(c->sqlite, path, answer_of, em);
}

static size_t sqlite_wal_pages(void *conn) {
        return ((struct conn *) conn)->wal.n_pages;
}

static void sqlite_wal_set_limit(void *conn, size_t n_pages) {
        ((struct conn *) conn)->wal.limit = n_pages;
}

static int sqlite_wal_checkpoint(void *conn, size_t *ret_left) {
        struct conn *c = conn;

        return answered(c, db_sqlite_wal_checkpoint(c->sqlite, ret_left));
}

static size_t sqlite_trim(void *conn) {
        return db_sqlite_pages_trim(((struct conn *) conn)->sqlite);
}

const struct db_driver db_sqlite_driver = {
        .schemes = {"sqlite"},
        .dialect = DB_SQLITE,
        .open = sqlite_open,
        .close = sqlite_close,
        .get_errmsg = sqlite_get_errmsg,
        .prepare = sqlite_prepare,
        .finalize = sqlite_finalize,
        .bind_i64 = sqlite_bind_i64,
        .bind_f64 = sqlite_bind_f64,
        .bind_text = sqlite_bind_text,
        .bind_blob = sqlite_bind_blob,
        .bind_null = sqlite_bind_null,
        .step = sqlite_step,
        .rewind = sqlite_rewind,
        .clear = sqlite_clear,
        .col_is_null = sqlite_col_is_null,
        .col_i64 = sqlite_col_i64,
        .col_f64 = sqlite_col_f64,
        .col_text = sqlite_col_text,
        .col_blob = sqlite_col_blob,
        .col_count = sqlite_col_count,
        .col_name = sqlite_col_name,
        .exec = sqlite_exec,
        .control = sqlite_control,
        .in_transaction = sqlite_in_transaction,
        .changes = sqlite_changes,
        .last_id = sqlite_last_id,
        .total_changes = sqlite_total_changes,
        .set_budget = sqlite_set_budget,
        .set_effort = sqlite_set_effort,
        .set_pick = sqlite_set_pick,
        .interrupt = sqlite_interrupt,
        .check = sqlite_check,
        .backup = sqlite_backup,
        .wal_pages = sqlite_wal_pages,
        .wal_set_limit = sqlite_wal_set_limit,
        .wal_checkpoint = sqlite_wal_checkpoint,
        .trim = sqlite_trim,
};
