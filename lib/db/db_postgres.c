/* db_postgres.c: PostgreSQL as the engine of db.h.
 *
 * Values go and come as text: the server knows the type of each parameter from its place, as
 * SQLite's column affinity would. A statement's rows are held whole from its first step to its
 * reset, so that others can run meanwhile: read in pages.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/errmsg.h"
#include "lib/base/mem.h"
#include "lib/db/db_driver.h"
#include "lib/db/db_postgres_conn.h"
#include "lib/db/db_sql.h"

#define pq db_postgres_lib

#define OID_BOOL 16

struct value {
        struct buf text; /* of its own, ends with NUL */
};

struct stmt {
        struct db_postgres_conn *c;
        struct db_postgres_name name;
        char *sql;
        struct db_sql_facts facts;
        struct value *own;
        const char **values; /* NULL: SQL's NULL */
        int *lengths, *formats;
        PGresult *result; /* NULL: not run */
        int row;          /* that stands; -1 before the first */
        void *blob;       /* the last one decoded */
};

static int postgres_open(const char *uri, unsigned flags, struct errmsg *em, void **ret_conn) {
        struct db_postgres_conn *c;
        int r = db_postgres_conn_open(uri, flags, em, &c);

        if (r >= 0)
                *ret_conn = c;
        return r;
}

static void postgres_close(void *conn) {
        db_postgres_conn_free(conn);
}

static const char *postgres_get_errmsg(void *conn) {
        return ((struct db_postgres_conn *) conn)->error;
}

/* --- statements ------------------------------------------------------------------------------- */

static void postgres_rewind(void *stmt) {
        struct stmt *s = stmt;

        pq.PQclear(s->result);
        s->result = NULL;
        s->row = -1;
        if (s->blob)
                pq.PQfreemem(s->blob);
        s->blob = NULL;
}

static void postgres_finalize(void *stmt) {
        struct stmt *s = stmt;

        assert(s);
        postgres_rewind(s);
        db_postgres_conn_forget(s->c, &s->name);
        for (int i = 0; s->own && i < s->facts.n_params; i++)
                buf_done(&s->own[i].text);
        mem_free(s->own);
        mem_free(s->values);
        mem_free(s->lengths);
        mem_free(s->formats);
        mem_free(s->sql);
        mem_free(s);
}

static int translate(struct stmt *s, const char *sql) {
        _cleanup_buf_ struct buf text = {};
        size_t n;
        int r = db_sql_translate(sql, DB_POSTGRES, &text, &s->facts);

        if (r < 0)
                return r;
        n = (size_t) s->facts.n_params + 1;
        s->sql = buf_take(&text, NULL);
        s->own = mem_zalloc_array(n, sizeof(*s->own));
        s->values = mem_zalloc_array(n, sizeof(*s->values));
        s->lengths = mem_zalloc_array(n, sizeof(*s->lengths));
        s->formats = mem_zalloc_array(n, sizeof(*s->formats));
        return s->sql && s->own && s->values && s->lengths && s->formats ? 0 : -ENOMEM;
}

static int postgres_prepare(void *conn, const char *sql, enum db_prepare life, void **ret_stmt) {
        struct db_postgres_conn *c = conn;
        struct stmt *s = mem_new(struct stmt);
        int r;

        if (!s)
                return -ENOMEM;
        s->c = c;
        s->row = -1;
        r = translate(s, sql);
        if (r == -EINVAL)
                (void) snprintf(c->error, sizeof(c->error), "a quote or brace is not closed");
        if (r >= 0)
                r = db_postgres_conn_prepare(c, s->sql, &s->name);
        if (r != 0) {
                postgres_finalize(s);
                return r < 0 ? r : -EINVAL;
        }
        *ret_stmt = s;
        return 0;
}

/* The place of parameter `param`, emptied; NULL: there is none. */
static struct buf *place(struct stmt *s, int param) {
        struct buf *text;

        if (param < 1 || param > s->facts.n_params)
                return NULL;
        text = &s->own[param - 1].text;
        buf_reset(text);
        return text;
}

static int placed(struct stmt *s, int param, int format) {
        struct buf *text = &s->own[param - 1].text;

        if (buf_error(text) < 0)
                return buf_error(text);
        assert(text->data);
        s->values[param - 1] = text->data;
        s->lengths[param - 1] = (int) text->len;
        s->formats[param - 1] = format;
        return 0;
}

static int postgres_bind_i64(void *stmt, int param, int64_t value) {
        struct buf *text = place(stmt, param);

        if (!text)
                return -EINVAL;
        (void) buf_printf(text, "%lld", (long long) value);
        return placed(stmt, param, 0);
}

static int postgres_bind_f64(void *stmt, int param, double value) {
        struct buf *text = place(stmt, param);

        if (!text)
                return -EINVAL;
        (void) buf_printf(text, "%.17g", value);
        return placed(stmt, param, 0);
}

static int bind_bytes(struct stmt *s, int param, const void *data, size_t n_bytes, int format) {
        struct buf *text = place(s, param);

        if (!text)
                return -EINVAL;
        if (n_bytes > INT32_MAX)
                return -EOVERFLOW;
        if (buf_reserve(text, n_bytes + 1) < 0)
                return -ENOMEM;
        text->data[0] = '\0';
        (void) buf_add(text, data, n_bytes);
        return placed(s, param, format);
}

static int postgres_bind_text(void *stmt, int param, const char *text, size_t n_bytes) {
        return bind_bytes(stmt, param, text, n_bytes, 0);
}

static int postgres_bind_blob(void *stmt, int param, const void *data, size_t n_bytes) {
        return bind_bytes(stmt, param, data, n_bytes, 1);
}

static int postgres_bind_null(void *stmt, int param) {
        struct stmt *s = stmt;

        if (param < 1 || param > s->facts.n_params)
                return -EINVAL;
        s->values[param - 1] = NULL;
        return 0;
}

static void postgres_clear(void *stmt) {
        struct stmt *s = stmt;

        for (int i = 0; i < s->facts.n_params; i++) {
                s->values[i] = NULL;
                buf_trim(&s->own[i].text, 4096);
        }
}

static int run(struct stmt *s) {
        const struct db_postgres_call call = {
                .name = &s->name,
                .sql = s->sql,
                .n_params = s->facts.n_params,
                .values = s->values,
                .lengths = s->lengths,
                .formats = s->formats,
                .is_guarded = s->facts.may_conflict,
                .reads = s->facts.reads,
        };

        assert(!s->result);
        return db_postgres_conn_call(s->c, &call, &s->result);
}

static int postgres_step(void *conn, void *stmt) {
        struct stmt *s = stmt;
        int r;

        assert(s->c == conn);
        if (!s->result) {
                r = run(s);
                if (r != 0)
                        return r;
                s->row = -1;
        }
        if (s->row + 1 >= pq.PQntuples(s->result))
                return DB_DONE;
        s->row++;
        return DB_ROW;
}

/* --- columns ---------------------------------------------------------------------------------- */

static const char *cell(struct stmt *s, int col) {
        assert(s->result && s->row >= 0);
        return pq.PQgetisnull(s->result, s->row, col) ? NULL
                                                      : pq.PQgetvalue(s->result, s->row, col);
}

static bool postgres_col_is_null(void *stmt, int col) {
        return !cell(stmt, col);
}

static int64_t postgres_col_i64(void *stmt, int col) {
        struct stmt *s = stmt;
        const char *text = cell(s, col);

        if (!text)
                return 0;
        if (pq.PQftype(s->result, col) == OID_BOOL)
                return *text == 't';
        return strtoll(text, NULL, 10);
}

static double postgres_col_f64(void *stmt, int col) {
        const char *text = cell(stmt, col);

        return text ? strtod(text, NULL) : 0;
}

static const char *postgres_col_text(void *stmt, int col, size_t *ret_n_bytes) {
        struct stmt *s = stmt;
        const char *text = cell(s, col);

        *ret_n_bytes = text ? (size_t) pq.PQgetlength(s->result, s->row, col) : 0;
        return text;
}

static const void *postgres_col_blob(void *stmt, int col, size_t *ret_n_bytes) {
        struct stmt *s = stmt;
        const char *text = cell(s, col);

        *ret_n_bytes = 0;
        if (!text)
                return NULL;
        if (s->blob)
                pq.PQfreemem(s->blob);
        s->blob = pq.PQunescapeBytea((const unsigned char *) text, ret_n_bytes);
        return s->blob;
}

static int postgres_col_count(void *stmt) {
        struct stmt *s = stmt;

        return s->result ? pq.PQnfields(s->result) : 0;
}

static const char *postgres_col_name(void *stmt, int col) {
        struct stmt *s = stmt;

        assert(s->result);
        return pq.PQfname(s->result, col);
}

/* --- the connection --------------------------------------------------------------------------- */

static int postgres_exec(void *conn, const char *sql) {
        return db_postgres_conn_exec(conn, sql);
}

static int postgres_control(void *conn, enum db_control what) {
        return db_postgres_conn_control(conn, what);
}

static bool postgres_in_transaction(void *conn) {
        return ((struct db_postgres_conn *) conn)->in_transaction;
}

static int64_t postgres_changes(void *conn) {
        return ((struct db_postgres_conn *) conn)->n_changes;
}

static int64_t postgres_last_id(void *conn) {
        struct db_postgres_conn *c = conn;
        int64_t changes = c->n_changes, id = 0;
        void *stmt;

        if (postgres_prepare(c, "SELECT lastval()", DB_PREPARE_SHORT, &stmt) < 0)
                return 0;
        if (postgres_step(c, stmt) == DB_ROW)
                id = postgres_col_i64(stmt, 0);
        postgres_finalize(stmt);
        c->n_changes = changes;
        return id;
}

static void postgres_set_budget(void *conn, usec_t budget_for) {
        struct db_postgres_conn *c = conn;

        c->is_over_budget = false;
        c->budget_until = budget_for > 0 ? clock_mono(clock_system()) + budget_for : 0;
}

static void postgres_interrupt(void *conn) {
        db_postgres_conn_interrupt(conn);
}

/* The server looks after its pages itself: whether it answers is all that can be asked. */
static int postgres_check(void *conn, bool quick, struct errmsg *em) {
        struct db_postgres_conn *c = conn;
        int r = db_postgres_conn_exec(c, "SELECT 1");

        return r < 0 ? errmsg_fail(em, r, "the database does not answer: %s", c->error) : 0;
}

static int postgres_backup(void *conn, const char *path, struct errmsg *em) {
        return errmsg_fail(em, -EOPNOTSUPP,
                           "%s: a PostgreSQL database is copied by pg_dump on its own machine, or "
                           "by its provider's backups",
                           path);
}

const struct db_driver db_postgres_driver = {
        .schemes = {"postgresql", "postgres"},
        .dialect = DB_POSTGRES,
        .open = postgres_open,
        .close = postgres_close,
        .get_errmsg = postgres_get_errmsg,
        .prepare = postgres_prepare,
        .finalize = postgres_finalize,
        .bind_i64 = postgres_bind_i64,
        .bind_f64 = postgres_bind_f64,
        .bind_text = postgres_bind_text,
        .bind_blob = postgres_bind_blob,
        .bind_null = postgres_bind_null,
        .step = postgres_step,
        .rewind = postgres_rewind,
        .clear = postgres_clear,
        .col_is_null = postgres_col_is_null,
        .col_i64 = postgres_col_i64,
        .col_f64 = postgres_col_f64,
        .col_text = postgres_col_text,
        .col_blob = postgres_col_blob,
        .col_count = postgres_col_count,
        .col_name = postgres_col_name,
        .exec = postgres_exec,
        .control = postgres_control,
        .in_transaction = postgres_in_transaction,
        .changes = postgres_changes,
        .last_id = postgres_last_id,
        .set_budget = postgres_set_budget,
        .interrupt = postgres_interrupt,
        .check = postgres_check,
        .backup = postgres_backup,
};
