#include "lib/db/db_mysql_conn.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/errmsg.h"
#include "lib/base/mem.h"
#include "lib/db/db_mysql_answer.h"
#include "lib/db/db_tls.h"

#define AGAIN_AFTER (1 * USEC_PER_SEC) /* between two tries to reach a server that is away */
#define DEADLOCK 1213                  /* the server has undone the whole transaction */

#define my db_mysql_lib

/* --- failures --------------------------------------------------------------------------------- */

static void lost(struct db_mysql_conn *c) {
        (void) pthread_mutex_lock(&c->id_lock);
        c->thread_id = 0;
        (void) pthread_mutex_unlock(&c->id_lock);
        if (c->server)
                my.mysql_close(c->server);
        c->server = NULL;
        c->in_transaction = false;
}

int db_mysql_conn_failed(struct db_mysql_conn *c, unsigned number, const char *why) {
        int r = db_mysql_answer(number);

        assert(why);
        (void) snprintf(c->error, sizeof(c->error), "%s", why);
        if (number == DEADLOCK)
                c->in_transaction = false;
        if (r == -ENOTCONN)
                lost(c);
        return r;
}

static int failed(struct db_mysql_conn *c) {
        char why[512];

        (void) snprintf(why, sizeof(why), "%s", my.mysql_error(c->server));
        return db_mysql_conn_failed(c, my.mysql_errno(c->server), why);
}

static int query(struct db_mysql_conn *c, const char *sql) {
        MYSQL_RES *rows;

        if (my.mysql_real_query(c->server, sql, strlen(sql)) != 0)
                return failed(c);
        rows = my.mysql_store_result(c->server);
        if (rows)
                my.mysql_free_result(rows);
        return 0;
}

/* --- the connection --------------------------------------------------------------------------- */

static int set_tls(struct db_mysql_conn *c, MYSQL *conn, struct errmsg *em) {
        my_bool on = 1;
        struct db_tls tls;
        int r = db_tls_decide(&c->uri, em, &tls);

        if (r < 0 || tls.mode == DB_TLS_LOCAL)
                return r;
        (void) my.mysql_ssl_set(conn, tls.key, tls.cert, tls.ca, NULL, NULL);
        (void) my.mysql_options(conn, MYSQL_OPT_SSL_ENFORCE, &on);
        if (tls.mode == DB_TLS_VERIFY_FULL)
                (void) my.mysql_options(conn, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &on);
        return 0;
}

/* All that must not be left to the server's configuration. */
static int set_session(struct db_mysql_conn *c) {
        static const char modes[] =
                "SET SESSION sql_mode = 'ANSI_QUOTES,STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,"
                "ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_VALUE_ON_ZERO,PIPES_AS_CONCAT', "
                "SESSION innodb_lock_wait_timeout = 10, SESSION lock_wait_timeout = 10, SESSION "
                "autocommit = 1";
        bool reads = c->flags & DB_READ_ONLY;
        int r = query(c, modes);

        if (r == 0)
                r = query(c, reads ? "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
                                   : "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
        if (r == 0 && reads)
                r = query(c, "SET SESSION TRANSACTION READ ONLY");
        return r;
}

static MYSQL *connect_new(struct db_mysql_conn *c, struct errmsg *em) {
        const struct db_uri *u = &c->uri;
        const char *socket = db_uri_socket(u);
        unsigned seconds = 5, tcp = MYSQL_PROTOCOL_TCP, forever = 3600;
        MYSQL *conn = my.mysql_init(NULL);

        if (!conn)
                return NULL;
        (void) my.mysql_options(conn, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
        (void) my.mysql_options(conn, MYSQL_OPT_READ_TIMEOUT, &forever);
        (void) my.mysql_options(conn, MYSQL_SET_CHARSET_NAME, "utf8mb4");
        if (!socket && u->host)
                (void) my.mysql_options(conn, MYSQL_OPT_PROTOCOL, &tcp); /* localhost too */
        if (set_tls(c, conn, em) < 0 ||
            !my.mysql_real_connect(conn, socket ? NULL : u->host, u->user,
                                   u->password ? u->password : "", u->database, (unsigned) u->port,
                                   socket, CLIENT_FOUND_ROWS)) {
                if (my.mysql_errno(conn) != 0)
                        (void) db_mysql_conn_failed(c, my.mysql_errno(conn), my.mysql_error(conn));
                my.mysql_close(conn);
                return NULL;
        }
        return conn;
}

static int connect_now(struct db_mysql_conn *c, struct errmsg *em) {
        usec_t now = clock_mono(clock_system());

        if (c->server)
                return 0;
        if (now < c->next_try_at)
                return -ENOTCONN; /* with the words of the last try */
        c->next_try_at = now + AGAIN_AFTER;
        c->server = connect_new(c, em);
        if (!c->server || set_session(c) != 0) {
                lost(c);
                return -ENOTCONN;
        }
        (void) pthread_mutex_lock(&c->id_lock);
        c->thread_id = my.mysql_thread_id(c->server);
        (void) pthread_mutex_unlock(&c->id_lock);
        c->is_mariadb = strstr(my.mysql_get_server_info(c->server), "MariaDB");
        c->budget_set_for = 0;
        c->next_try_at = 0;
        c->generation++;
        return 0;
}

int db_mysql_conn_open(const char *uri, unsigned flags, struct errmsg *em,
                       struct db_mysql_conn **ret) {
        struct errmsg why = {};
        struct db_mysql_conn *c;
        int r = db_mysql_lib_load(em);

        if (r < 0)
                return r;
        c = mem_new(struct db_mysql_conn);
        if (!c)
                return -ENOMEM;
        (void) pthread_mutex_init(&c->id_lock, NULL);
        c->flags = flags;
        r = db_uri_parse(uri, em, &c->uri);
        if (r >= 0) {
                r = connect_now(c, &why);
                if (r < 0 && *why.text)
                        r = errmsg_fail(em, -EACCES, "%s", why.text);
                else if (r < 0)
                        errmsg_set(em, "the database cannot be reached: %s", c->error);
        }
        if (r < 0) {
                db_mysql_conn_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

void db_mysql_conn_free(struct db_mysql_conn *c) {
        assert(c);
        lost(c);
        db_uri_done(&c->uri);
        (void) pthread_mutex_destroy(&c->id_lock);
        mem_free(c);
}

/* By a connection of its own: the other one waits for its answer. */
void db_mysql_conn_interrupt(struct db_mysql_conn *c) {
        struct db_mysql_conn other = {.uri = c->uri};
        unsigned long id;
        char sql[64];

        (void) pthread_mutex_lock(&c->id_lock);
        id = c->thread_id;
        (void) pthread_mutex_unlock(&c->id_lock);
        if (id == 0)
                return;
        (void) pthread_mutex_init(&other.id_lock, NULL);
        other.server = connect_new(&other, NULL);
        if (other.server) {
                (void) snprintf(sql, sizeof(sql), "KILL QUERY %lu", id);
                (void) query(&other, sql);
        }
        lost(&other);
        (void) pthread_mutex_destroy(&other.id_lock);
}

/* --- statements ------------------------------------------------------------------------------- */

int db_mysql_conn_ready(struct db_mysql_conn *c) {
        char sql[96];
        int r = connect_now(c, NULL);

        if (r < 0)
                return r;
        if (c->budget_until > 0 && clock_mono(clock_system()) >= c->budget_until) {
                (void) snprintf(c->error, sizeof(c->error), "it took longer than it may");
                return -ETIME;
        }
        if (c->budget_for == c->budget_set_for)
                return 0;
        if (c->is_mariadb)
                (void) snprintf(sql, sizeof(sql), "SET SESSION max_statement_time = %.6f",
                                (double) c->budget_for / (double) USEC_PER_SEC);
        else
                (void) snprintf(
                        sql, sizeof(sql), "SET SESSION max_execution_time = %llu",
                        (unsigned long long) ((c->budget_for + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
        r = query(c, sql);
        if (r == 0)
                c->budget_set_for = c->budget_for;
        return r;
}

int db_mysql_conn_exec(struct db_mysql_conn *c, const char *sql) {
        int r = db_mysql_conn_ready(c), more = -1;

        if (r < 0)
                return r;
        if (my.mysql_set_server_option(c->server, MYSQL_OPTION_MULTI_STATEMENTS_ON) != 0)
                return failed(c);
        r = query(c, sql);
        while (r == 0 && (more = my.mysql_next_result(c->server)) == 0) {
                MYSQL_RES *rows = my.mysql_store_result(c->server);

                if (rows)
                        my.mysql_free_result(rows);
                c->n_changes = (int64_t) my.mysql_affected_rows(c->server);
        }
        if (r == 0 && more > 0)
                r = failed(c);
        if (c->server &&
            my.mysql_set_server_option(c->server, MYSQL_OPTION_MULTI_STATEMENTS_OFF) != 0)
                return failed(c);
        return r;
}

/* --- transactions ----------------------------------------------------------------------------- */

static int begin(struct db_mysql_conn *c, enum db_control what) {
        bool reads = c->flags & DB_READ_ONLY;
        const char *sql = what == DB_BEGIN_WRITE ? "START TRANSACTION"
                          : reads ? "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
                                  : "START TRANSACTION READ ONLY";
        int r;

        assert(!c->in_transaction);
        for (int i = 0; i < 2; i++) {
                r = connect_now(c, NULL);
                if (r == 0 && what == DB_BEGIN_READ && !reads)
                        r = query(c, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
                if (r == 0)
                        r = query(c, sql);
                if (r != -ENOTCONN)
                        break;
        }
        c->in_transaction = r == 0;
        return r;
}

/* COMMIT and ROLLBACK. */
static int end(struct db_mysql_conn *c, const char *sql) {
        int r = c->server ? query(c, sql) : 0;

        if (r != 0)
                lost(c); /* a new connection has no transaction */
        c->in_transaction = false;
        return r == DB_CONFLICT ? -EINVAL : r;
}

/* Savepoints nest by their names: a second one of the same name would take the first away. */
static int savepoint(struct db_mysql_conn *c, enum db_control what) {
        static const char *const verbs[DB_CONTROL_N] = {
                [DB_SAVE] = "SAVEPOINT",
                [DB_RELEASE] = "RELEASE SAVEPOINT",
                [DB_UNDO] = "ROLLBACK TO SAVEPOINT",
        };
        char sql[64];
        int r;

        assert(what < DB_CONTROL_N && verbs[what]);
        if (!c->server)
                return -ENOTCONN;
        c->depth += what == DB_SAVE;
        assert(c->depth > 0);
        (void) snprintf(sql, sizeof(sql), "%s s%u", verbs[what], c->depth);
        r = query(c, sql);
        c->depth -= what == DB_RELEASE;
        return r;
}

int db_mysql_conn_control(struct db_mysql_conn *c, enum db_control what) {
        switch (what) {
        case DB_BEGIN_READ:
        case DB_BEGIN_WRITE:
                c->depth = 0;
                return begin(c, what);
        case DB_COMMIT:
                return end(c, "COMMIT");
        case DB_ROLLBACK_ALL:
                return end(c, "ROLLBACK");
        default:
                return savepoint(c, what);
        }
}
