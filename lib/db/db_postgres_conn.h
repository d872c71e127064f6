/* db_postgres_conn.h: one connection to PostgreSQL, and one round trip on it. Private to lib/db.
 *
 * The connection stays in libpq's pipeline mode. BEGIN, SAVEPOINT and RELEASE are not sent when
 * they are asked for: they wait and go out together with the next statement, in one round trip.
 *
 * A lost connection answers -ENOTCONN and ends the transaction. The next statement outside one, or
 * the first inside the next, connects again (at most once a second) and prepares anew what it
 * needs. What was sent but cannot have been committed is sent a second time by itself.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "lib/db/db_driver.h"
#include "lib/db/db_postgres_lib.h"
#include "lib/db/db_uri.h"

enum {
        DB_POSTGRES_CONN_PENDING_MAX = 8,
        DB_POSTGRES_CONN_PARAMS_MAX = DB_URI_PARAMS_MAX + 16,
        DB_POSTGRES_CONN_NAMES_MAX = 64,
};

/* Of a prepared statement, and the connection that knows it (0: none does). */
struct db_postgres_name {
        char text[24];
        unsigned generation;
};

struct db_postgres_conn {
        PGconn *pg;
        PGcancel *cancel; /* under cancel_lock: db_interrupt() comes from any thread */
        pthread_mutex_t cancel_lock;
        struct db_uri uri;
        const char *names[DB_POSTGRES_CONN_PARAMS_MAX + 1],
                *values[DB_POSTGRES_CONN_PARAMS_MAX + 1]; /* of the connection, NULL at the end */
        char port[16];
        unsigned generation; /* of the connection: counts from 1 */
        bool in_transaction;
        bool is_failed; /* the transaction takes nothing but its undoing */
        enum db_control pending[DB_POSTGRES_CONN_PENDING_MAX];
        size_t n_pending;
        usec_t budget_until; /* monotonic, 0 = none */
        usec_t next_try_at;  /* monotonic: not connected again before */
        bool is_over_budget;
        int64_t n_changes;
        struct db_postgres_name free_names[DB_POSTGRES_CONN_NAMES_MAX]; /* to be used again */
        size_t n_free_names;
        uint64_t n_names; /* made up so far */
        char error[512];
};

/* A prepared statement with its values, for one round trip. */
struct db_postgres_call {
        struct db_postgres_name *name;
        const char *sql;
        int n_params;
        const char *const *values;
        const int *lengths, *formats;
        bool is_guarded; /* in a transaction its failure must leave that usable */
        bool reads;      /* may be sent twice */
};

int db_postgres_conn_open(const char *uri, unsigned flags, struct errmsg *em,
                          struct db_postgres_conn **ret);
void db_postgres_conn_free(struct db_postgres_conn *c);

/* 0 with a result of rows or of none, DB_CONFLICT, or -errno with c->error set. */
int db_postgres_conn_call(struct db_postgres_conn *c, const struct db_postgres_call *call,
                          PGresult **ret_result);

/* Prepares under a free name, given back when the statement is of no use any more. */
int db_postgres_conn_prepare(struct db_postgres_conn *c, const char *sql,
                             struct db_postgres_name *ret_name);
void db_postgres_conn_forget(struct db_postgres_conn *c, const struct db_postgres_name *name);

/* Runs a script by the simple protocol. */
int db_postgres_conn_exec(struct db_postgres_conn *c, const char *sql);

int db_postgres_conn_control(struct db_postgres_conn *c, enum db_control what);
void db_postgres_conn_interrupt(struct db_postgres_conn *c);
