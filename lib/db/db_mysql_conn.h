/* db_mysql_conn.h: one connection to MySQL or MariaDB. Private to lib/db.
 *
 * A lost connection answers -ENOTCONN and ends the transaction; the next BEGIN, or statement
 * outside a transaction, connects again (at most once a second). Statements see a new `generation`
 * and prepare themselves anew. A BEGIN that meets a connection the server has closed meanwhile is
 * sent a second time by itself.
 */
#pragma once

#include <pthread.h>

#include "lib/db/db_driver.h"
#include "lib/db/db_mysql_lib.h"
#include "lib/db/db_uri.h"

struct db_mysql_conn {
        MYSQL *server;
        struct db_uri uri;
        unsigned flags;
        unsigned long thread_id; /* at the server; 0: none; under id_lock */
        pthread_mutex_t id_lock;
        unsigned generation; /* of the connection: counts from 1 */
        bool in_transaction, is_mariadb;
        unsigned depth;      /* of savepoints */
        usec_t budget_until; /* monotonic, 0 = none */
        usec_t budget_for,
                budget_set_for; /* of a statement: wished, and what the server was told */
        usec_t next_try_at;     /* monotonic: not connected again before */
        int64_t n_changes, last_id;
        char error[512];
};

int db_mysql_conn_open(const char *uri, unsigned flags, struct errmsg *em,
                       struct db_mysql_conn **ret);
void db_mysql_conn_free(struct db_mysql_conn *c);

/* Before a statement: connected, and the budget told to the server. 0 or -errno. */
int db_mysql_conn_ready(struct db_mysql_conn *c);

/* The answer for a failure with its number and words; -ENOTCONN has closed the connection. */
int db_mysql_conn_failed(struct db_mysql_conn *c, unsigned number, const char *why);

int db_mysql_conn_exec(struct db_mysql_conn *c, const char *sql);
int db_mysql_conn_control(struct db_mysql_conn *c, enum db_control what);
void db_mysql_conn_interrupt(struct db_mysql_conn *c);
