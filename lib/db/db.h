/* db.h: one connection to a database, the same for every engine behind it.
 *
 * Owns: opening by URI, prepared statements, binding and reading values, transactions, limits.
 * Threads: a connection belongs to one thread at a time; only db_interrupt() may be called from
 * another. Writing daemons keep one writer (db_writer.h) and a reader a thread (db_readers.h).
 *
 * Answers: 0 or positive is an answer, negative is -errno and db_errmsg() says it in words.
 *   -ENOSPC    the disk is full             -EIO      the disk failed
 *   -EUCLEAN   the file is damaged          -EBUSY    another process holds the lock for too long
 *   -EROFS     the connection only reads    -ETIME    the budget of db_set_budget() is used up
 *   -ECANCELED db_interrupt() was called    -EINVAL   a constraint other than UNIQUE, or bad SQL
 *   -ENOMEM    no memory                    -EOVERFLOW a value or row is too large
 *   -ESTALE    another writer's transaction got in the way (a deadlock): the same once more
 *   -ENOTCONN  the server is away: the transaction is over (of a commit nobody knows), the next
 *              one connects again
 * After a negative answer inside a transaction its savepoint or the whole is to be undone; after
 * DB_CONFLICT it goes on.
 *
 * Texts are SQLite's; what the servers call otherwise is translated (db_sql.h). On servers a
 * statement's rows are held whole from its first step to its reset: read in pages.
 *
 * Statements live with their noun in a .def file, are prepared when the connection is opened and
 * found by their place in the set; db_set.h makes the set of the file:
 *
 *      DB_USE struct db_stmt *s = use(db, STMT_get);
 *      db_bind_all(s, run_id);
 *      r = db_step(s);                         // DB_ROW, DB_DONE or -errno
 *      if (r == DB_ROW)
 *              name = arena_strdup(a, db_col_text(s, 0));
 */
#pragma once

#include "lib/base/macros.h"

struct arena;
struct db;
struct db_stmt;
struct errmsg;

/* What db_step() and db_run() answer besides -errno. */
enum {
        DB_DONE = 0,     /* no more rows; the statement is reset */
        DB_ROW = 1,      /* a row stands in the columns */
        DB_CONFLICT = 2, /* a UNIQUE or PRIMARY KEY constraint refused the row; nothing changed */
};

enum db_flags {
        DB_CREATE = 1 << 0,      /* make the file if it is not there (not its directory) */
        DB_READ_ONLY = 1 << 1,   /* every write answers -EROFS */
        DB_SYNC_NORMAL = 1 << 2, /* a commit may be lost by a power cut (never the file's health) */
        DB_FOREIGN_KEYS = 1 << 3, /* enforce REFERENCES */
        /* SQLite: keep 1 MiB of pages in memory, 256 KiB for reading, not 4 MiB (the kernel has
         * them too), and of the statements those that were used: all are checked when it is opened
         */
        DB_FEW_PAGES = 1 << 5,
        /* Another connection checked the sets: statements are prepared when they are first used. */
        DB_CHECKED = 1 << 6,
        DB_ROLLBACK = 1 << 4, /* rollback journal in place of WAL: readers need no write access */
};

/* Which SQL the engine speaks, for the few texts that differ. */
enum db_dialect { DB_SQLITE, DB_POSTGRES, DB_MYSQL };

struct db_statement {
        const char *name;
        const char *sql; /* one statement, parameters as ? */
};

/* A noun's statements; the object itself is the key, so it is static and const. */
struct db_set {
        const char *name;
        const struct db_statement *rows;
        size_t n_rows;
};

/* All it takes to open one more connection of the same kind. The sets and their list are static;
 * the rest is borrowed for the call. */
struct db_config {
        const char *uri;
        unsigned flags; /* enum db_flags */
        const struct db_set *const *sets;
        size_t n_sets;
};

/* Opens `uri`: sqlite:////absolute/path, sqlite:///relative/path or sqlite:// (in memory), or a
 * server's as db_uri.h has them (DB_CREATE, DB_SYNC_NORMAL and DB_ROLLBACK say nothing there).
 * -ENOENT: no such file and no DB_CREATE; -EPROTONOSUPPORT: no such engine in this build;
 * -EUCLEAN: not a database file; -ENOTCONN: the server cannot be reached or refuses us; -EACCES: it
 * would be spoken to unverified. `em` names the file, the reason and the remedy. */
int db_open(const char *uri, unsigned flags, struct errmsg *em, struct db **ret_db);

/* db_open() and then db_prepare_set() for each set. */
int db_open_config(const struct db_config *config, struct errmsg *em, struct db **ret_db);

/* Closes; NULL is fine; returns NULL. Every statement of it is gone with it. */
struct db *db_free(struct db *db);
DEFINE_CLEANUP(struct db *, db_free)

enum db_dialect db_get_dialect(const struct db *db);
const char *db_get_uri(const struct db *db); /* its password is *** */

/* The last failure in words, "" if there was none. Valid until the next call on `db`. */
const char *db_errmsg(struct db *db);

/* Prepares every row of `set` (not with DB_CHECKED). A bad statement is -EINVAL and `em` names set,
 * statement, reason.
 * At most 64 sets a connection (-EOVERFLOW). */
int db_prepare_set(struct db *db, const struct db_set *set, struct errmsg *em);

/* The statement at `row` of a prepared set, reset and with no values bound. Never NULL: asking for
 * a set that was not prepared is a programming error and asserts. */
struct db_stmt *db_use(struct db *db, const struct db_set *set, size_t row);

/* A statement for a text made at run time (search). The connection keeps the last 64 texts
 * prepared. It is yours until db_reset(); -EINVAL with db_errmsg() for bad SQL, -EMFILE when all
 * kept texts are in use at once. */
int db_prepare_dynamic(struct db *db, const char *sql, struct db_stmt **ret_stmt);

/* Parameters count from 1. Text and blobs are borrowed until the statement is reset, done or used
 * again. NULL text or blob binds NULL. A failure is kept and answered by the next db_step(). */
void db_bind_i64(struct db_stmt *s, int param, int64_t value);
void db_bind_f64(struct db_stmt *s, int param, double value); /* NaN binds NULL */
void db_bind_text(struct db_stmt *s, int param, const char *text);
void db_bind_text_n(struct db_stmt *s, int param, const char *text, size_t n_bytes);
void db_bind_blob(struct db_stmt *s, int param, const void *data, size_t n_bytes);
void db_bind_null(struct db_stmt *s, int param);

/* Runs to the next row: DB_ROW, DB_DONE, DB_CONFLICT or -errno. Anything but DB_ROW has reset the
 * statement: its values stay bound, the next db_step() starts anew. */
int db_step(struct db_stmt *s);

/* Runs to the end, rows are passed over: DB_DONE, DB_CONFLICT or -errno. */
int db_run(struct db_stmt *s);

/* Ends the use of a statement: gives its snapshot back and forgets its values. NULL is fine. */
void db_reset(struct db_stmt *s);
DEFINE_CLEANUP(struct db_stmt *, db_reset)
#define DB_USE _cleanup_(db_resetp)

/* Columns count from 0 and are valid while the row stands. Text is NUL-terminated UTF-8; NULL for
 * an SQL NULL; numbers of a NULL are 0. */
bool db_col_is_null(struct db_stmt *s, int col);
int64_t db_col_i64(struct db_stmt *s, int col);
double db_col_f64(struct db_stmt *s, int col);
const char *db_col_text(struct db_stmt *s, int col);
const char *db_col_text_n(struct db_stmt *s, int col, size_t *ret_n_bytes);
const void *db_col_blob(struct db_stmt *s, int col, size_t *ret_n_bytes);
int db_col_count(struct db_stmt *s);
const char *db_col_name(struct db_stmt *s, int col);

/* db_col_text() copied into `a`; NULL for SQL NULL and, with *ret_oom set, for want of memory
 * (`ret_oom` may be NULL where the column is NOT NULL). */
char *db_col_dup(struct db_stmt *s, int col, struct arena *a, bool *ret_oom);

/* Runs a script of statements without parameters: 0, DB_CONFLICT or -errno. */
int db_exec(struct db *db, const char *sql);

/* Rows changed by the last INSERT, UPDATE or DELETE; the id made by the last INSERT. */
int64_t db_changes(struct db *db);
int64_t db_last_id(struct db *db);
/* Rows changed since the connection was opened; -1: this engine does not count them. */
int64_t db_total_changes(struct db *db);
/* How often db_step() and db_run() have answered DB_CONFLICT. */
uint64_t db_n_conflicts(const struct db *db);

/* One transaction at a time. A writing one takes the write lock at once (BEGIN IMMEDIATE), a
 * reading one sees one snapshot to its end. db_rollback() cannot fail in a way that leaves it open.
 */
int db_begin(struct db *db, bool write);
int db_commit(struct db *db); /* on failure nothing was written and the transaction is over */
void db_rollback(struct db *db);
bool db_in_transaction(struct db *db);

/* Lent to another thread that commits (db_committer.h): until it is given back, whoever uses it
 * asserts. */
void db_lend(struct db *db, bool lent);
bool db_is_lent(const struct db *db);

/* Savepoints nest; each is ended by exactly one of the other two. */
int db_savepoint(struct db *db);
int db_release(struct db *db);
int db_undo(struct db *db); /* back to the innermost savepoint, and that one is gone */

/* Every statement that follows must end within `budget_for` counted from now, in all; 0 lifts it.
 * What runs over answers -ETIME. */
void db_set_budget(struct db *db, usec_t budget_for);
/* The same of this thread's CPU time, beside it: whoever has another way may try one. Where the
 * work is a server's, nothing is limited. */
void db_set_effort(struct db *db, usec_t cpu_for);

/* What onebox_pick(text) answers in statements from now on, asked row by row in the thread that
 * steps; NULL: no to all. SQLite's alone. */
void db_set_pick(struct db *db, bool (*pick)(void *ctx, const char *text, size_t n_bytes),
                 void *ctx);

/* Any thread: what runs now on `db` answers -ECANCELED. */
void db_interrupt(struct db *db);

/* 0, or -EUCLEAN with the first fault in `em`. `quick` leaves the indexes out. */
int db_check(struct db *db, bool quick, struct errmsg *em);

/* A consistent copy of the whole database, taken while others write, made whole in `path`.tmp and
 * renamed. `path` may exist. */
int db_backup(struct db *db, const char *path, struct errmsg *em);

/* The write-ahead log, where an engine keeps one that somebody has to move into the file: pages in
 * it as of the last commit on `db` (else 0). A commit that finds more than the limit moves them;
 * false: there is no such log. db_checkpoint.h does it beside the writer. */
size_t db_wal_pages(struct db *db);
bool db_wal_set_limit(struct db *db, size_t n_pages);
int db_wal_checkpoint(struct db *db, size_t *ret_left);

/* Gives back the memory of pages kept for the next statements, when there will be none for a while:
 * how many bytes. Outside of a transaction. */
size_t db_trim(struct db *db);

/* db_bind_all(s, a, b, …): binds parameters 1, 2, … by the type of each value: integers, double,
 * char pointers, NULL as (char *) NULL. At most 24 values. */
#define db_bind_value(s, i, v) \
        _Generic((v),                                                                              \
                 float: db_bind_f64,                                                               \
                 double: db_bind_f64,                                                              \
                 char *: db_bind_text,                                                             \
                 const char *: db_bind_text,                                                       \
                 default: db_bind_i64)((s), (i), (v))
#define db_bind_all(s, ...)                                 \
        do {                                                \
                struct db_stmt *bind_s_ = (s);              \
                int bind_i_ = 0;                            \
                DB_BIND_EXPAND_(DB_BIND_STEP_(__VA_ARGS__)) \
        } while (0)
#define DB_BIND_STEP_(v, ...)                 \
        db_bind_value(bind_s_, ++bind_i_, v); \
        __VA_OPT__(DB_BIND_AGAIN_ DB_BIND_PARENS_(__VA_ARGS__))
#define DB_BIND_AGAIN_() DB_BIND_STEP_
#define DB_BIND_PARENS_ ()
#define DB_BIND_EXPAND_(...) DB_BIND_EXPAND1_(DB_BIND_EXPAND1_(DB_BIND_EXPAND1_(__VA_ARGS__)))
#define DB_BIND_EXPAND1_(...) DB_BIND_EXPAND2_(DB_BIND_EXPAND2_(DB_BIND_EXPAND2_(__VA_ARGS__)))
#define DB_BIND_EXPAND2_(...) DB_BIND_EXPAND3_(DB_BIND_EXPAND3_(DB_BIND_EXPAND3_(__VA_ARGS__)))
#define DB_BIND_EXPAND3_(...) __VA_ARGS__
