/* db_driver.h: what an engine provides to db.c. Private to lib/db.
 *
 * A driver has no state of its own besides its connections. Every call on one connection or on its
 * statements comes from one thread at a time, except `interrupt`. Failures are -errno as db.h
 * lists them; `get_errmsg` then has the words.
 */
#pragma once

#include "lib/db/db.h"

enum db_control {
        DB_BEGIN_READ,
        DB_BEGIN_WRITE,
        DB_COMMIT,
        DB_ROLLBACK_ALL,
        DB_SAVE,
        DB_RELEASE,
        DB_UNDO,
        DB_CONTROL_N
};

enum db_prepare { DB_PREPARE_KEPT, DB_PREPARE_SHORT }; /* how long the statement will live */

struct db_driver {
        const char *schemes[3]; /* of its URIs, up to the colon or plus; NULL behind the last */
        enum db_dialect dialect;

        /* `uri` has our scheme. `em` is set on failure. */
        int (*open)(const char *uri, unsigned flags, struct errmsg *em, void **ret_conn);
        void (*close)(void *conn); /* all statements are finalized before */
        const char *(*get_errmsg)(void *conn);

        /* Exactly one statement: anything after it is -EINVAL. */
        int (*prepare)(void *conn, const char *sql, enum db_prepare life, void **ret_stmt);
        void (*finalize)(void *stmt);

        /* Text and blobs are borrowed until `reset`. */
        int (*bind_i64)(void *stmt, int param, int64_t value);
        int (*bind_f64)(void *stmt, int param, double value);
        int (*bind_text)(void *stmt, int param, const char *text, size_t n_bytes);
        int (*bind_blob)(void *stmt, int param, const void *data, size_t n_bytes);
        int (*bind_null)(void *stmt, int param);

        int (*step)(void *conn, void *stmt); /* DB_ROW, DB_DONE, DB_CONFLICT or -errno */
        void (*rewind)(void *stmt);          /* no row stands, values stay bound */
        void (*clear)(void *stmt);           /* no values are bound */

        bool (*col_is_null)(void *stmt, int col);
        int64_t (*col_i64)(void *stmt, int col);
        double (*col_f64)(void *stmt, int col);
        const char *(*col_text)(void *stmt, int col, size_t *ret_n_bytes);
        const void *(*col_blob)(void *stmt, int col, size_t *ret_n_bytes);
        int (*col_count)(void *stmt);
        const char *(*col_name)(void *stmt, int col);

        int (*exec)(void *conn, const char *sql);
        int (*control)(void *conn, enum db_control what);
        bool (*in_transaction)(void *conn);
        int64_t (*changes)(void *conn);
        int64_t (*last_id)(void *conn);
        int64_t (*total_changes)(void *conn); /* NULL: not counted */

        void (*set_budget)(void *conn, usec_t budget_for);
        void (*set_effort)(void *conn, usec_t cpu_for); /* NULL: not measured */
        /* As db_set_pick(); NULL where there is no such function. */
        void (*set_pick)(void *conn, bool (*pick)(void *ctx, const char *text, size_t n_bytes),
                         void *ctx);
        void (*interrupt)(void *conn);
        int (*check)(void *conn, bool quick, struct errmsg *em);
        int (*backup)(void *conn, const char *path, struct errmsg *em);

        /* As db_wal_…; all NULL where an engine has no such log. */
        size_t (*wal_pages)(void *conn);
        void (*wal_set_limit)(void *conn, size_t n_pages);
        int (*wal_checkpoint)(void *conn, size_t *ret_left);

        /* As db_trim(); NULL where a connection keeps no pages. */
        size_t (*trim)(void *conn);
};

extern const struct db_driver db_sqlite_driver;
extern const struct db_driver db_postgres_driver; /* when built --with-postgres */
extern const struct db_driver db_mysql_driver;    /* when built --with-mysql */
