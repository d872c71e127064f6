#include "lib/db/db_postgres_conn.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/errmsg.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/db/db_postgres_answer.h"
#include "lib/db/db_tls.h"

#define AGAIN_AFTER (1 * USEC_PER_SEC) /* between two tries to reach a server that is away */
#define CANCEL_FOR (5 * USEC_PER_SEC)  /* a cancelled statement answers within, or is given up */

#define pq db_postgres_lib

/* Sent in order; those that wait first. `s` is db.h's savepoint, `q` guards one statement. */
static const char *const control_texts[DB_CONTROL_N] = {
        [DB_BEGIN_READ] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        [DB_BEGIN_WRITE] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        [DB_COMMIT] = "COMMIT",
        [DB_ROLLBACK_ALL] = "ROLLBACK",
        [DB_SAVE] = "SAVEPOINT s",
        [DB_RELEASE] = "RELEASE s",
        [DB_UNDO] = "ROLLBACK TO s",
};

/* --- failures --------------------------------------------------------------------------------- */

static int fail(struct db_postgres_conn *c, int r, const char *why) {
        (void) snprintf(c->error, sizeof(c->error), "%.*s", (int) strcspn(why, "\n"), why);
        return r;
}

/* The connection is over, and with it its transaction. */
static int lost(struct db_postgres_conn *c) {
        if (c->pg)
                (void) fail(c, 0, pq.PQerrorMessage(c->pg));
        (void) pthread_mutex_lock(&c->cancel_lock);
        pq.PQfreeCancel(c->cancel);
        c->cancel = NULL;
        (void) pthread_mutex_unlock(&c->cancel_lock);
        pq.PQfinish(c->pg);
        c->pg = NULL;
        c->in_transaction = c->is_failed = false;
        c->n_pending = 0;
        return -ENOTCONN;
}

/* Which key is there already, or is missing. Other details may be whole rows. */
static void add_key(struct db_postgres_conn *c, const PGresult *result, const char *state) {
        const char *key = pq.PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
        size_t n = strlen(c->error);

        if (key && (str_eq(state, "23503") || str_eq(state, "23505")))
                (void) snprintf(c->error + n, sizeof(c->error) - n, ": %.*s",
                                (int) strcspn(key, "\n"), key);
}

static int answer_of(struct db_postgres_conn *c, const PGresult *result) {
        const char *why = pq.PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        const char *state = pq.PQresultErrorField(result, PG_DIAG_SQLSTATE);
        int r = db_postgres_answer(state);

        (void) fail(c, 0, why ? why : pq.PQerrorMessage(c->pg));
        add_key(c, result, state);
        if (r == -ECANCELED && c->is_over_budget)
                return fail(c, -ETIME, "it took longer than it may");
        return r;
}

/* --- the connection --------------------------------------------------------------------------- */

static void add_param(struct db_postgres_conn *c, const char *name, const char *value) {
        size_t n = 0;

        if (!value)
                return;
        for (; c->names[n]; n++)
                if (str_eq(c->names[n], name))
                        break; /* later ones win */
        assert(n < DB_POSTGRES_CONN_PARAMS_MAX);
        c->names[n] = name;
        c->values[n] = value;
}

static int set_params(struct db_postgres_conn *c, unsigned flags, struct errmsg *em) {
        static const char *const modes[] = {
                [DB_TLS_VERIFY_CA] = "verify-ca", [DB_TLS_VERIFY_FULL] = "verify-full"};
        struct db_tls tls;
        int r = db_tls_decide(&c->uri, em, &tls);

        if (r < 0)
                return r;
        add_param(c, "connect_timeout", "5");
        add_param(c, "application_name", "onebox");
        add_param(c, "keepalives_idle", "30");
        add_param(c, "tcp_user_timeout", "30000");
        add_param(c, "user", c->uri.user);
        add_param(c, "password", c->uri.password);
        add_param(c, "host", c->uri.host);
        if (c->uri.port > 0) {
                (void) snprintf(c->port, sizeof(c->port), "%d", c->uri.port);
                add_param(c, "port", c->port);
        }
        add_param(c, "dbname", c->uri.database);
        for (size_t i = 0; i < c->uri.n_params; i++)
                add_param(c, c->uri.params[i].name, c->uri.params[i].value);
        if (tls.mode != DB_TLS_LOCAL) {
                add_param(c, "sslmode", modes[tls.mode]);
                add_param(c, "sslrootcert", tls.ca);
        }
        add_param(c, "client_encoding", "UTF8");
        if (flags & DB_READ_ONLY)
                add_param(c, "options", "-c default_transaction_read_only=on");
        return 0;
}

static void no_notice(void *arg, const char *text) {
}

static int connect_now(struct db_postgres_conn *c) {
        usec_t now = clock_mono(clock_system());

        if (c->pg)
                return 0;
        if (now < c->next_try_at)
                return -ENOTCONN; /* with the words of the last try */
        c->pg = pq.PQconnectdbParams(c->names, c->values, 0);
        if (!c->pg)
                return fail(c, -ENOMEM, "out of memory");
        if (pq.PQstatus(c->pg) != CONNECTION_OK || pq.PQsetnonblocking(c->pg, 1) != 0 ||
            pq.PQenterPipelineMode(c->pg) != 1) {
                c->next_try_at = now + AGAIN_AFTER;
                return lost(c);
        }
        (void) pq.PQsetNoticeProcessor(c->pg, no_notice, NULL);
        (void) pthread_mutex_lock(&c->cancel_lock);
        c->cancel = pq.PQgetCancel(c->pg);
        (void) pthread_mutex_unlock(&c->cancel_lock);
        c->generation++;
        c->next_try_at = 0;
        return 0;
}

/* Does the transaction stand at its beginning, with nothing sent? */
static bool begins(const struct db_postgres_conn *c) {
        return c->n_pending > 0 && c->pending[0] <= DB_BEGIN_WRITE;
}

/* A server that went away while nobody asked has said so by now. */
static void notice_end(struct db_postgres_conn *c) {
        size_t n_pending = c->n_pending;
        bool in = c->in_transaction;
        struct pollfd p;

        if (!c->pg || (in && !begins(c)))
                return;
        p = (struct pollfd){.fd = pq.PQsocket(c->pg), .events = POLLIN};
        if (poll(&p, 1, 0) <= 0 ||
            (pq.PQconsumeInput(c->pg) && pq.PQstatus(c->pg) == CONNECTION_OK))
                return;
        (void) lost(c);
        c->n_pending = n_pending; /* nothing of it was sent */
        c->in_transaction = in;
}

int db_postgres_conn_open(const char *uri, unsigned flags, struct errmsg *em,
                          struct db_postgres_conn **ret) {
        struct db_postgres_conn *c;
        int r = db_postgres_lib_load(em);

        if (r < 0)
                return r;
        c = mem_new(struct db_postgres_conn);
        if (!c)
                return -ENOMEM;
        (void) pthread_mutex_init(&c->cancel_lock, NULL);
        r = db_uri_parse(uri, em, &c->uri);
        if (r >= 0)
                r = set_params(c, flags, em);
        if (r >= 0) {
                r = connect_now(c);
                if (r < 0)
                        errmsg_set(em, "the database cannot be reached: %s", c->error);
        }
        if (r < 0) {
                db_postgres_conn_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

void db_postgres_conn_free(struct db_postgres_conn *c) {
        assert(c);
        (void) lost(c);
        db_uri_done(&c->uri);
        (void) pthread_mutex_destroy(&c->cancel_lock);
        mem_free(c);
}

/* --- sending and waiting ---------------------------------------------------------------------- */

void db_postgres_conn_interrupt(struct db_postgres_conn *c) {
        char why[256];

        (void) pthread_mutex_lock(&c->cancel_lock);
        if (c->cancel)
                (void) pq.PQcancel(c->cancel, why, sizeof(why));
        (void) pthread_mutex_unlock(&c->cancel_lock);
}

/* Until the socket moves or the budget ends; a statement over its budget is cancelled, one that
 * does not even answer that is given up with its connection. */
static int wait_for_server(struct db_postgres_conn *c, bool budgeted) {
        usec_t now = clock_mono(clock_system()), until = budgeted ? c->budget_until : 0;
        int unsent = pq.PQflush(c->pg), timeout = -1;
        struct pollfd p = {.fd = pq.PQsocket(c->pg), .events = POLLIN};

        if (unsent < 0)
                return -ENOTCONN;
        if (unsent > 0)
                p.events |= POLLOUT;
        if (until > 0 && c->is_over_budget)
                until += CANCEL_FOR;
        if (until > 0 && now >= until) {
                if (c->is_over_budget)
                        return -ENOTCONN;
                c->is_over_budget = true;
                db_postgres_conn_interrupt(c);
                return 0;
        }
        if (until > 0)
                timeout = (int) ((until - now) / USEC_PER_MSEC) + 1;
        if (poll(&p, 1, timeout) < 0 && errno != EINTR)
                return -ENOTCONN;
        if ((p.revents & ~POLLOUT) && !pq.PQconsumeInput(c->pg))
                return -ENOTCONN;
        return 0;
}

/* The next result, NULL behind the last of a command. */
static int next_result(struct db_postgres_conn *c, bool budgeted, PGresult **ret) {
        while (pq.PQflush(c->pg) != 0 || pq.PQisBusy(c->pg))
                if (wait_for_server(c, budgeted) < 0)
                        return -ENOTCONN;
        *ret = pq.PQgetResult(c->pg);
        return 0;
}

static bool send_text(struct db_postgres_conn *c, const char *sql) {
        return pq.PQsendQueryParams(c->pg, sql, 0, NULL, NULL, NULL, NULL, 0) == 1;
}

static int receive_sync(struct db_postgres_conn *c) {
        ExecStatusType status;

        do {
                PGresult *result;

                if (next_result(c, false, &result) < 0 || pq.PQstatus(c->pg) != CONNECTION_OK)
                        return -ENOTCONN;
                status = result ? pq.PQresultStatus(result) : PGRES_EMPTY_QUERY;
                pq.PQclear(result);
        } while (status != PGRES_PIPELINE_SYNC);
        return 0;
}

/* Reads the results of `n` commands and the sync behind them. The result of command `keep` goes to
 * *ret_kept; the first failure is the answer. */
static int receive(struct db_postgres_conn *c, int n, int keep, PGresult **ret_kept) {
        int failed = 0;

        assert(n >= 0 && keep < n);
        for (int i = 0; i < n;) {
                PGresult *result;
                ExecStatusType status;

                if (next_result(c, keep >= 0, &result) < 0)
                        return -ENOTCONN;
                if (!result) {
                        if (pq.PQstatus(c->pg) != CONNECTION_OK)
                                return -ENOTCONN;
                        i++;
                        continue;
                }
                status = pq.PQresultStatus(result);
                if (status == PGRES_FATAL_ERROR && failed == 0)
                        failed = answer_of(c, result);
                if (i == keep && (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK))
                        *ret_kept = result;
                else
                        pq.PQclear(result);
                if (pq.PQstatus(c->pg) != CONNECTION_OK)
                        return -ENOTCONN;
        }
        return receive_sync(c) < 0 ? -ENOTCONN : failed;
}

/* What waits; the number sent, or -ENOTCONN. */
static int send_pending(struct db_postgres_conn *c) {
        for (size_t i = 0; i < c->n_pending; i++)
                if (!send_text(c, control_texts[c->pending[i]]))
                        return -ENOTCONN;
        return (int) c->n_pending;
}

/* What waits, then `first` and `second` where they are not NULL. */
static int run_texts(struct db_postgres_conn *c, const char *first, const char *second) {
        PGresult *none = NULL;
        int n = send_pending(c), r;

        if (n >= 0 && first)
                n = send_text(c, first) ? n + 1 : -ENOTCONN;
        if (n >= 0 && second)
                n = send_text(c, second) ? n + 1 : -ENOTCONN;
        c->n_pending = 0;
        if (n < 0 || pq.PQpipelineSync(c->pg) != 1)
                return lost(c);
        r = receive(c, n, -1, &none);
        assert(!none);
        return r == -ENOTCONN ? lost(c) : r;
}

static int send_and_receive(struct db_postgres_conn *c, const struct db_postgres_call *call,
                            PGresult **ret) {
        bool guarded = call->is_guarded && c->in_transaction;
        bool anew = call->name->generation != c->generation;
        int n = send_pending(c), keep, r;

        c->n_pending = 0;
        if (n < 0)
                return n;
        if (anew) {
                if (pq.PQsendPrepare(c->pg, call->name->text, call->sql, 0, NULL) != 1)
                        return -ENOTCONN;
                n++;
        }
        if (guarded)
                n += send_text(c, "SAVEPOINT q");
        keep = n++;
        if (pq.PQsendQueryPrepared(c->pg, call->name->text, call->n_params, call->values,
                                   call->lengths, call->formats, 0) != 1)
                return -ENOTCONN;
        if (guarded)
                n += send_text(c, "RELEASE q");
        if (pq.PQpipelineSync(c->pg) != 1)
                return -ENOTCONN;
        r = receive(c, n, keep, ret);
        if (r == 0 && anew)
                call->name->generation = c->generation;
        if (r != 0 && r != -ENOTCONN && guarded) {
                int undone = run_texts(c, "ROLLBACK TO q", "RELEASE q");

                return undone < 0 ? undone : r;
        }
        return r;
}

/* On -ENOTCONN the connection is gone. */
static int call_once(struct db_postgres_conn *c, const struct db_postgres_call *call,
                     PGresult **ret) {
        PGresult *result = NULL;
        int r = connect_now(c);

        if (r < 0)
                return r;
        r = send_and_receive(c, call, &result);
        if (r == 0) {
                assert(result);
                *ret = result;
                return 0;
        }
        pq.PQclear(result);
        if (r == -ENOTCONN && c->pg)
                (void) lost(c);
        return r;
}

int db_postgres_conn_call(struct db_postgres_conn *c, const struct db_postgres_call *call,
                          PGresult **ret_result) {
        enum db_control pending[DB_POSTGRES_CONN_PENDING_MAX];
        bool again = begins(c) || (!c->in_transaction && call->reads), in = c->in_transaction;
        size_t n_pending = c->n_pending;
        int r;

        assert(call->name && call->sql);
        memcpy(pending, c->pending, sizeof(pending));
        c->is_over_budget = false;
        notice_end(c);
        r = call_once(c, call, ret_result);
        if (r == -ENOTCONN && again && !c->is_over_budget && c->next_try_at == 0) {
                /* Nothing of it can have been committed: once more, on a new connection. */
                memcpy(c->pending, pending, sizeof(pending));
                c->n_pending = n_pending;
                c->in_transaction = in;
                r = call_once(c, call, ret_result);
        }
        if (r == -ENOTCONN) {
                c->in_transaction = false;
                c->n_pending = 0;
                return c->is_over_budget ? -ETIME : r;
        }
        if (r == 0)
                c->n_changes = strtoll(pq.PQcmdTuples(*ret_result), NULL, 10);
        else if (c->in_transaction && !call->is_guarded)
                c->is_failed = true;
        return r;
}

/* DEALLOCATE what had the name on this connection, PREPARE; *ret_n: how many. */
static bool send_prepare(struct db_postgres_conn *c, const struct db_postgres_name *name,
                         const char *sql, int *ret_n) {
        char free[64];

        if (name->generation == c->generation) {
                (void) snprintf(free, sizeof(free), "DEALLOCATE %s", name->text);
                if (!send_text(c, free))
                        return false;
                ++*ret_n;
        }
        ++*ret_n;
        return pq.PQsendPrepare(c->pg, name->text, sql, 0, NULL) == 1;
}

int db_postgres_conn_prepare(struct db_postgres_conn *c, const char *sql,
                             struct db_postgres_name *ret_name) {
        struct db_postgres_name name = {};
        PGresult *none = NULL;
        int r, n;

        assert(sql && ret_name);
        notice_end(c);
        r = connect_now(c);
        if (r < 0)
                return r;
        if (c->n_free_names > 0)
                name = c->free_names[--c->n_free_names];
        else
                (void) snprintf(name.text, sizeof(name.text), "s%llu",
                                (unsigned long long) ++c->n_names);
        n = send_pending(c);
        c->n_pending = 0;
        if (n < 0 || !send_prepare(c, &name, sql, &n) || pq.PQpipelineSync(c->pg) != 1)
                return lost(c);
        r = receive(c, n, -1, &none);
        assert(!none);
        if (r == -ENOTCONN)
                return lost(c);
        if (r != 0) {
                c->is_failed = c->in_transaction;
                return r;
        }
        name.generation = c->generation;
        *ret_name = name;
        return 0;
}

void db_postgres_conn_forget(struct db_postgres_conn *c, const struct db_postgres_name *name) {
        if (*name->text && c->n_free_names < DB_POSTGRES_CONN_NAMES_MAX)
                c->free_names[c->n_free_names++] = *name;
}

int db_postgres_conn_exec(struct db_postgres_conn *c, const char *sql) {
        PGresult *result;
        int r;

        notice_end(c);
        r = connect_now(c);
        if (r == 0 && c->n_pending > 0)
                r = run_texts(c, NULL, NULL);
        if (r != 0)
                return r;
        if (pq.PQexitPipelineMode(c->pg) != 1)
                return lost(c);
        result = pq.PQexec(c->pg, sql);
        r = pq.PQresultStatus(result) == PGRES_FATAL_ERROR ? answer_of(c, result) : 0;
        if (r == 0)
                c->n_changes = strtoll(pq.PQcmdTuples(result), NULL, 10);
        pq.PQclear(result);
        if (pq.PQstatus(c->pg) != CONNECTION_OK || pq.PQenterPipelineMode(c->pg) != 1)
                return lost(c);
        return r;
}

/* --- transactions ----------------------------------------------------------------------------- */

static bool waits(const struct db_postgres_conn *c, enum db_control what) {
        return c->n_pending > 0 && c->pending[c->n_pending - 1] == what;
}

/* Joins those that go out with the next statement. */
static int later(struct db_postgres_conn *c, enum db_control what) {
        if (c->n_pending == DB_POSTGRES_CONN_PENDING_MAX) {
                int r = c->pg ? run_texts(c, NULL, NULL) : -ENOTCONN;

                if (r != 0)
                        return r;
        }
        c->pending[c->n_pending++] = what;
        return 0;
}

/* COMMIT and ROLLBACK. Nothing was sent when BEGIN still waits. */
static int end(struct db_postgres_conn *c, enum db_control what) {
        int r = 0;

        if (!c->pg || begins(c)) {
                c->n_pending = 0;
        } else {
                /* COMMIT of a failed transaction is a silent ROLLBACK there. */
                if (what == DB_COMMIT && c->is_failed)
                        r = -EIO;
                if (what == DB_COMMIT && r == 0)
                        r = run_texts(c, control_texts[what], NULL);
                c->n_pending = 0;
                if ((what == DB_ROLLBACK_ALL || r != 0) && c->pg &&
                    run_texts(c, control_texts[DB_ROLLBACK_ALL], NULL) != 0 && c->pg)
                        (void) lost(c); /* a new connection has no transaction */
        }
        c->in_transaction = c->is_failed = false;
        return r == DB_CONFLICT ? -EINVAL : r;
}

int db_postgres_conn_control(struct db_postgres_conn *c, enum db_control what) {
        int r;

        switch (what) {
        case DB_BEGIN_READ:
        case DB_BEGIN_WRITE:
                assert(!c->in_transaction && c->n_pending == 0);
                c->in_transaction = true;
                return later(c, what);
        case DB_SAVE:
                return later(c, what);
        case DB_RELEASE:
                if (waits(c, DB_SAVE)) {
                        c->n_pending--;
                        return 0;
                }
                return later(c, what);
        case DB_UNDO:
                if (waits(c, DB_SAVE))
                        return 0;
                if (!c->pg)
                        return -ENOTCONN;
                r = run_texts(c, control_texts[DB_UNDO], NULL);
                c->is_failed = c->is_failed && r != 0;
                return r;
        default:
                assert(what == DB_COMMIT || what == DB_ROLLBACK_ALL);
                return end(c, what);
        }
}
