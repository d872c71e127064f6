/* db_mysql.c: MySQL and MariaDB as the engine of db.h.
 *
 * Values go and come in the binary protocol: doubles are exact. A statement's rows are held whole
 * from its first step to its reset, so that others can run meanwhile: read in pages.
 *
 * DDL ends a transaction there, whatever one asks: a script of tables is not undone as a whole.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/errmsg.h"
#include "lib/base/json_number.h"
#include "lib/base/mem.h"
#include "lib/db/db_driver.h"
#include "lib/db/db_mysql_conn.h"
#include "lib/db/db_sql.h"

#define my db_mysql_lib

union number {
        int64_t i64;
        double f64;
};

struct column {
        union number number;
        char *text; /* of strings, room for the longest of the result */
        size_t n_room;
        unsigned long n_bytes;
        my_bool is_null, is_cut;
        char printed[JSON_NUMBER_SIZE]; /* a number that is asked for as text */
};

struct stmt {
        struct db_mysql_conn *c;
        MYSQL_STMT *handle;
        char *sql;
        struct db_sql_facts facts;
        unsigned generation; /* of the connection that has it prepared */
        MYSQL_BIND *in, *out;
        union number *numbers;
        struct column *columns;
        MYSQL_RES *meta; /* NULL: it has no rows */
        int n_columns;
        bool is_run;
};

static int mysql_open(const char *uri, unsigned flags, struct errmsg *em, void **ret_conn) {
        struct db_mysql_conn *c;
        int r = db_mysql_conn_open(uri, flags, em, &c);

        if (r >= 0)
                *ret_conn = c;
        return r;
}

static void mysql_close_conn(void *conn) {
        db_mysql_conn_free(conn);
}

static const char *mysql_get_errmsg(void *conn) {
        return ((struct db_mysql_conn *) conn)->error;
}

/* --- statements ------------------------------------------------------------------------------- */

static int stmt_failed(struct stmt *s) {
        char why[512];

        (void) snprintf(why, sizeof(why), "%s", my.mysql_stmt_error(s->handle));
        return db_mysql_conn_failed(s->c, my.mysql_stmt_errno(s->handle), why);
}

/* Of the server's side. A statement outlives its connection: the library has let go of it then. */
static void unprepare(struct stmt *s) {
        for (int i = 0; i < s->n_columns; i++)
                mem_free(s->columns[i].text);
        s->n_columns = 0;
        s->columns = mem_free(s->columns);
        s->out = mem_free(s->out);
        if (s->meta)
                my.mysql_free_result(s->meta);
        s->meta = NULL;
        if (s->handle)
                (void) my.mysql_stmt_close(s->handle);
        s->handle = NULL;
        s->is_run = false;
}

static bool is_whole_number(enum enum_field_types type) {
        switch (type) {
        case MYSQL_TYPE_TINY:
        case MYSQL_TYPE_SHORT:
        case MYSQL_TYPE_INT24:
        case MYSQL_TYPE_LONG:
        case MYSQL_TYPE_LONGLONG:
        case MYSQL_TYPE_YEAR:
                return true;
        default:
                return false;
        }
}

static void set_out(MYSQL_BIND *out, const MYSQL_FIELD *field, struct column *column) {
        *out = (MYSQL_BIND){.is_null = &column->is_null,
                            .error = &column->is_cut,
                            .length = &column->n_bytes,
                            .buffer = &column->number,
                            .buffer_length = sizeof(column->number)};
        if (is_whole_number(field->type))
                out->buffer_type = MYSQL_TYPE_LONGLONG;
        else if (field->type == MYSQL_TYPE_FLOAT || field->type == MYSQL_TYPE_DOUBLE)
                out->buffer_type = MYSQL_TYPE_DOUBLE;
        else
                out->buffer_type = MYSQL_TYPE_STRING;
}

static int prepare_columns(struct stmt *s) {
        int n = (int) my.mysql_stmt_field_count(s->handle);
        my_bool on = 1;

        if (n == 0)
                return 0;
        s->meta = my.mysql_stmt_result_metadata(s->handle);
        s->columns = mem_zalloc_array((size_t) n, sizeof(*s->columns));
        s->out = mem_zalloc_array((size_t) n, sizeof(*s->out));
        if (!s->meta || !s->columns || !s->out)
                return -ENOMEM;
        s->n_columns = n;
        for (int i = 0; i < n; i++)
                set_out(&s->out[i], &s->meta->fields[i], &s->columns[i]);
        (void) my.mysql_stmt_attr_set(s->handle, STMT_ATTR_UPDATE_MAX_LENGTH, &on);
        return 0;
}

static int prepare_now(struct stmt *s) {
        int r;

        assert(s->c->server);
        unprepare(s);
        s->handle = my.mysql_stmt_init(s->c->server);
        if (!s->handle)
                return -ENOMEM;
        if (my.mysql_stmt_prepare(s->handle, s->sql, strlen(s->sql)) != 0)
                return stmt_failed(s);
        r = prepare_columns(s);
        if (r == 0)
                s->generation = s->c->generation;
        return r;
}

static void mysql_finalize(void *stmt) {
        struct stmt *s = stmt;

        assert(s);
        unprepare(s);
        mem_free(s->in);
        mem_free(s->numbers);
        mem_free(s->sql);
        mem_free(s);
}

static int translate(struct stmt *s, const char *sql) {
        _cleanup_buf_ struct buf text = {};
        int r = db_sql_translate(sql, DB_MYSQL, &text, &s->facts);

        if (r == -EINVAL)
                (void) snprintf(s->c->error, sizeof(s->c->error), "a quote or brace is not closed");
        if (r < 0)
                return r;
        s->sql = buf_take(&text, NULL);
        s->in = mem_zalloc_array((size_t) s->facts.n_params + 1, sizeof(*s->in));
        s->numbers = mem_zalloc_array((size_t) s->facts.n_params + 1, sizeof(*s->numbers));
        if (!s->sql || !s->in || !s->numbers)
                return -ENOMEM;
        for (int i = 0; i < s->facts.n_params; i++)
                s->in[i].buffer_type = MYSQL_TYPE_NULL;
        return 0;
}

static bool is_refused(const struct stmt *s) {
        return (s->c->flags & DB_READ_ONLY) && !s->facts.reads;
}

static int mysql_prepare(void *conn, const char *sql, enum db_prepare life, void **ret_stmt) {
        struct db_mysql_conn *c = conn;
        struct stmt *s = mem_new(struct stmt);
        int r;

        if (!s)
                return -ENOMEM;
        s->c = c;
        r = translate(s, sql);
        /* A reading session does not even prepare a write; the writer's has looked at the text. */
        if (r >= 0 && !is_refused(s))
                r = db_mysql_conn_ready(c);
        if (r >= 0 && !is_refused(s))
                r = prepare_now(s);
        if (r != 0) {
                mysql_finalize(s);
                return r < 0 ? r : -EINVAL;
        }
        *ret_stmt = s;
        return 0;
}

static MYSQL_BIND *place(struct stmt *s, int param) {
        return param >= 1 && param <= s->facts.n_params ? &s->in[param - 1] : NULL;
}

static int bind(struct stmt *s, int param, enum enum_field_types type, const void *data, size_t n) {
        MYSQL_BIND *in = place(s, param);

        if (!in)
                return -EINVAL;
        if (n > INT32_MAX)
                return -EOVERFLOW;
        *in = (MYSQL_BIND){
                .buffer_type = type, .buffer = (void *) data, .buffer_length = (unsigned long) n};
        return 0;
}

static int mysql_bind_i64(void *stmt, int param, int64_t value) {
        struct stmt *s = stmt;

        if (!place(s, param))
                return -EINVAL;
        s->numbers[param - 1].i64 = value;
        return bind(s, param, MYSQL_TYPE_LONGLONG, &s->numbers[param - 1], sizeof(value));
}

static int mysql_bind_f64(void *stmt, int param, double value) {
        struct stmt *s = stmt;

        if (!place(s, param))
                return -EINVAL;
        s->numbers[param - 1].f64 = value;
        return bind(s, param, MYSQL_TYPE_DOUBLE, &s->numbers[param - 1], sizeof(value));
}

static int mysql_bind_text(void *stmt, int param, const char *text, size_t n_bytes) {
        return bind(stmt, param, MYSQL_TYPE_STRING, text, n_bytes);
}

static int mysql_bind_blob(void *stmt, int param, const void *data, size_t n_bytes) {
        return bind(stmt, param, MYSQL_TYPE_BLOB, data, n_bytes);
}

static int mysql_bind_null(void *stmt, int param) {
        return bind(stmt, param, MYSQL_TYPE_NULL, NULL, 0);
}

static void mysql_clear(void *stmt) {
        struct stmt *s = stmt;

        for (int i = 1; i <= s->facts.n_params; i++)
                (void) mysql_bind_null(s, i);
}

static void mysql_rewind(void *stmt) {
        struct stmt *s = stmt;

        if (s->is_run && s->handle && s->generation == s->c->generation && s->c->server)
                (void) my.mysql_stmt_free_result(s->handle);
        s->is_run = false;
}

/* Room for the longest value of each column, then all rows are taken over. */
static int store_rows(struct stmt *s) {
        assert(s->meta && s->out);
        if (my.mysql_stmt_store_result(s->handle) != 0)
                return stmt_failed(s);
        for (int i = 0; i < s->n_columns; i++) {
                struct column *column = &s->columns[i];
                size_t n = s->meta->fields[i].max_length + 1;

                if (s->out[i].buffer_type != MYSQL_TYPE_STRING)
                        continue;
                if (n > column->n_room) {
                        char *text = mem_realloc(column->text, n);

                        if (!text)
                                return -ENOMEM;
                        column->text = text;
                        column->n_room = n;
                }
                s->out[i].buffer = column->text;
                s->out[i].buffer_length = (unsigned long) column->n_room;
        }
        return my.mysql_stmt_bind_result(s->handle, s->out) != 0 ? stmt_failed(s) : 0;
}

static int run_once(struct stmt *s) {
        int r;

        if (is_refused(s)) {
                (void) snprintf(s->c->error, sizeof(s->c->error), "the connection only reads");
                return -EROFS;
        }
        r = db_mysql_conn_ready(s->c);
        if (r == 0 && s->generation != s->c->generation)
                r = prepare_now(s);
        if (r != 0)
                return r;
        if ((s->facts.n_params > 0 && my.mysql_stmt_bind_param(s->handle, s->in) != 0) ||
            my.mysql_stmt_execute(s->handle) != 0)
                return stmt_failed(s);
        s->is_run = true;
        if (s->n_columns > 0)
                return store_rows(s);
        s->c->n_changes = (int64_t) my.mysql_stmt_affected_rows(s->handle);
        s->c->last_id = (int64_t) my.mysql_stmt_insert_id(s->handle);
        return 0;
}

static int mysql_step(void *conn, void *stmt) {
        struct stmt *s = stmt;
        int r;

        assert(s->c == conn);
        if (!s->is_run) {
                bool again = s->facts.reads && !s->c->in_transaction;

                r = run_once(s);
                if (r == -ENOTCONN && again)
                        r = run_once(s);
                if (r != 0)
                        return r;
        }
        if (s->n_columns == 0)
                return DB_DONE;
        r = my.mysql_stmt_fetch(s->handle);
        if (r == MYSQL_NO_DATA)
                return DB_DONE;
        assert(r != MYSQL_DATA_TRUNCATED);
        return r == 0 ? DB_ROW : stmt_failed(s);
}

/* --- columns ---------------------------------------------------------------------------------- */

static const struct column *cell(struct stmt *s, int col) {
        assert(s->is_run && col >= 0 && col < s->n_columns);
        return s->columns[col].is_null ? NULL : &s->columns[col];
}

static bool mysql_col_is_null(void *stmt, int col) {
        return !cell(stmt, col);
}

static const char *text_of(struct stmt *s, int col, size_t *ret_n_bytes) {
        struct column *column = &s->columns[col];

        switch (s->out[col].buffer_type) {
        case MYSQL_TYPE_LONGLONG:
                *ret_n_bytes = (size_t) snprintf(column->printed, sizeof(column->printed), "%lld",
                                                 (long long) column->number.i64);
                return column->printed;
        case MYSQL_TYPE_DOUBLE:
                json_number_print_f64(column->number.f64, column->printed);
                *ret_n_bytes = strlen(column->printed);
                return column->printed;
        default:
                assert(column->n_bytes < column->n_room);
                column->text[column->n_bytes] = '\0';
                *ret_n_bytes = column->n_bytes;
                return column->text;
        }
}

static int64_t mysql_col_i64(void *stmt, int col) {
        struct stmt *s = stmt;
        const struct column *column = cell(s, col);
        size_t n;

        if (!column)
                return 0;
        if (s->out[col].buffer_type == MYSQL_TYPE_LONGLONG)
                return column->number.i64;
        if (s->out[col].buffer_type == MYSQL_TYPE_DOUBLE)
                return (int64_t) column->number.f64;
        return strtoll(text_of(s, col, &n), NULL, 10);
}

static double mysql_col_f64(void *stmt, int col) {
        struct stmt *s = stmt;
        const struct column *column = cell(s, col);
        size_t n;

        if (!column)
                return 0;
        if (s->out[col].buffer_type == MYSQL_TYPE_LONGLONG)
                return (double) column->number.i64;
        if (s->out[col].buffer_type == MYSQL_TYPE_DOUBLE)
                return column->number.f64;
        return strtod(text_of(s, col, &n), NULL);
}

static const char *mysql_col_text(void *stmt, int col, size_t *ret_n_bytes) {
        *ret_n_bytes = 0;
        return cell(stmt, col) ? text_of(stmt, col, ret_n_bytes) : NULL;
}

static const void *mysql_col_blob(void *stmt, int col, size_t *ret_n_bytes) {
        return mysql_col_text(stmt, col, ret_n_bytes);
}

static int mysql_col_count(void *stmt) {
        return ((struct stmt *) stmt)->n_columns;
}

static const char *mysql_col_name(void *stmt, int col) {
        struct stmt *s = stmt;

        assert(s->meta && col < s->n_columns);
        return s->meta->fields[col].name;
}

/* --- the connection --------------------------------------------------------------------------- */

static int mysql_exec(void *conn, const char *sql) {
        return db_mysql_conn_exec(conn, sql);
}

static int mysql_control(void *conn, enum db_control what) {
        return db_mysql_conn_control(conn, what);
}

static bool mysql_in_transaction(void *conn) {
        return ((struct db_mysql_conn *) conn)->in_transaction;
}

static int64_t mysql_changes(void *conn) {
        return ((struct db_mysql_conn *) conn)->n_changes;
}

static int64_t mysql_last_id(void *conn) {
        return ((struct db_mysql_conn *) conn)->last_id;
}

static void mysql_set_budget(void *conn, usec_t budget_for) {
        struct db_mysql_conn *c = conn;

        c->budget_for = budget_for;
        c->budget_until = budget_for > 0 ? clock_mono(clock_system()) + budget_for : 0;
}

static void mysql_interrupt(void *conn) {
        db_mysql_conn_interrupt(conn);
}

/* The server looks after its pages itself: whether it answers is all that can be asked. */
static int mysql_check(void *conn, bool quick, struct errmsg *em) {
        struct db_mysql_conn *c = conn;
        int r = db_mysql_conn_exec(c, "SELECT 1");

        return r < 0 ? errmsg_fail(em, r, "the database does not answer: %s", c->error) : 0;
}

static int mysql_backup(void *conn, const char *path, struct errmsg *em) {
        return errmsg_fail(em, -EOPNOTSUPP,
                           "%s: a MySQL database is copied by mysqldump --single-transaction on "
                           "its own machine, or by its provider's backups",
                           path);
}

const struct db_driver db_mysql_driver = {
        .schemes = {"mysql", "mariadb"},
        .dialect = DB_MYSQL,
        .open = mysql_open,
        .close = mysql_close_conn,
        .get_errmsg = mysql_get_errmsg,
        .prepare = mysql_prepare,
        .finalize = mysql_finalize,
        .bind_i64 = mysql_bind_i64,
        .bind_f64 = mysql_bind_f64,
        .bind_text = mysql_bind_text,
        .bind_blob = mysql_bind_blob,
        .bind_null = mysql_bind_null,
        .step = mysql_step,
        .rewind = mysql_rewind,
        .clear = mysql_clear,
        .col_is_null = mysql_col_is_null,
        .col_i64 = mysql_col_i64,
        .col_f64 = mysql_col_f64,
        .col_text = mysql_col_text,
        .col_blob = mysql_col_blob,
        .col_count = mysql_col_count,
        .col_name = mysql_col_name,
        .exec = mysql_exec,
        .control = mysql_control,
        .in_transaction = mysql_in_transaction,
        .changes = mysql_changes,
        .last_id = mysql_last_id,
        .set_budget = mysql_set_budget,
        .interrupt = mysql_interrupt,
        .check = mysql_check,
        .backup = mysql_backup,
};
