#include "daemons/tracking/mlruns_row.h"

#include <errno.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/errmsg.h"
#include "lib/base/str.h"
#include "lib/db/db.h"

static void add_insert(struct buf *sql, const char *table, const char *columns, size_t n) {
        (void) buf_printf(sql, "INSERT INTO %s (%s) VALUES (", table, columns);
        for (size_t i = 0; i < n; i++)
                (void) buf_add_str(sql, i ? ", ?" : "?");
        (void) buf_add_str(sql, ") ON CONFLICT DO NOTHING");
}

static void add_select(struct buf *sql, const char *table, const char *columns,
                       const struct mlruns_value *values) {
        const char *word;
        size_t len;

        (void) buf_printf(sql, "SELECT count(*) FROM %s WHERE", table);
        for (size_t i = 0; str_word(&columns, ", ", &word, &len); i++)
                (void) buf_printf(sql, "%s %.*s %s", i ? " AND" : "", (int) len, word,
                                  values[i].kind == MLRUNS_NULL ? "IS NULL" : "= ?");
}

static void bind(struct db_stmt *s, int param, const struct mlruns_value *v) {
        if (v->kind == MLRUNS_TEXT)
                db_bind_text(s, param, v->text);
        else if (v->kind == MLRUNS_I64)
                db_bind_i64(s, param, v->i64);
        else if (v->kind == MLRUNS_F64)
                db_bind_f64(s, param, v->f64);
        else
                db_bind_null(s, param);
}

static int missing(struct mlruns *m, enum mlruns_table table) {
        return errmsg_fail(m->em, -EEXIST,
                           "%s: a row of table %s is not in the database as it is here: something "
                           "else has the same id or name there, import into a new database",
                           m->where, mlruns_tables[table]);
}

int mlruns_row(struct mlruns *m, enum mlruns_table table, const char *columns,
               const struct mlruns_value *values, size_t n) {
        _cleanup_buf_ struct buf sql = {};
        DB_USE struct db_stmt *s = NULL;
        int param = 0, r;

        if (m->verify)
                add_select(&sql, mlruns_tables[table], columns, values);
        else
                add_insert(&sql, mlruns_tables[table], columns, n);
        if (buf_error(&sql) < 0)
                return -ENOMEM;
        r = db_prepare_dynamic(m->db, buf_cstr(&sql), &s);
        for (size_t i = 0; r == 0 && i < n; i++)
                if (!m->verify || values[i].kind != MLRUNS_NULL)
                        bind(s, ++param, &values[i]);
        if (r == 0)
                r = m->verify ? db_step(s) : db_run(s);
        m->n_rows[table]++;
        if (r < 0)
                return errmsg_fail(m->em, r, "%s: table %s: %s", m->where, mlruns_tables[table],
                                   db_errmsg(m->db));
        return m->verify && db_col_i64(s, 0) == 0 ? missing(m, table) : 0;
}
