#include "daemons/scheduler/import_errors_sql.h"

#include <errno.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"

enum {
#define DB_STATEMENT(name, sql) ERRORS_##name,
#include "daemons/scheduler/import_errors_sql.def"
#undef DB_STATEMENT
};

static const struct db_statement statements[] = {
#define DB_STATEMENT(name, sql) {#name, sql},
#include "daemons/scheduler/import_errors_sql.def"
#undef DB_STATEMENT
};

const struct db_set import_errors_sql_set = {"import_errors", statements, ARRAY_SIZE(statements)};

static int keep(struct db *db, const struct import_errors_sql_row *row, usec_t now,
                struct buf *ids) {
        DB_USE struct db_stmt *insert = db_use(db, &import_errors_sql_set, ERRORS_insert);
        DB_USE struct db_stmt *id_of = db_use(db, &import_errors_sql_set, ERRORS_id_of);
        int r;

        db_bind_all(insert, row->filename, row->message, now);
        r = db_run(insert);
        if (r < 0)
                return r;
        db_bind_all(id_of, row->filename, row->message);
        r = db_step(id_of);
        if (r != DB_ROW)
                return r < 0 ? r : -ENOENT;
        return buf_printf(ids, "%s%lld", ids->len > 1 ? "," : "", (long long) db_col_i64(id_of, 0));
}

int import_errors_sql_replace(struct db *db, const struct import_errors_sql_row *rows, size_t n,
                              usec_t now) {
        _cleanup_buf_ struct buf ids = {};
        int r;

        r = buf_add_char(&ids, '[');
        for (size_t i = 0; i < n && r >= 0; i++)
                r = keep(db, &rows[i], now, &ids);
        if (r >= 0)
                r = buf_add_char(&ids, ']');
        if (r < 0)
                return r;
        DB_USE struct db_stmt *s = db_use(db, &import_errors_sql_set, ERRORS_delete_older);
        db_bind_text(s, 1, ids.data);
        return db_run(s);
}

static int row_read(struct db_stmt *s, struct arena *a, struct import_errors_sql_row *ret) {
        bool oom = false;

        *ret = (struct import_errors_sql_row){.id = db_col_i64(s, 0),
                                              .filename = db_col_dup(s, 1, a, &oom),
                                              .message = db_col_dup(s, 2, a, &oom),
                                              .at = (usec_t) db_col_i64(s, 3)};
        return oom ? -ENOMEM : 0;
}

int import_errors_sql_list(struct db *db, int64_t limit, int64_t offset, struct arena *a,
                           struct import_errors_sql_row **ret, size_t *ret_n, int64_t *ret_total) {
        DB_USE struct db_stmt *count = db_use(db, &import_errors_sql_set, ERRORS_count);
        DB_USE struct db_stmt *s = db_use(db, &import_errors_sql_set, ERRORS_list);
        struct import_errors_sql_row *list;
        size_t n = 0;
        int r;

        r = db_step(count);
        if (r != DB_ROW)
                return r < 0 ? r : -EIO;
        *ret_total = db_col_i64(count, 0);
        limit = MIN(limit, *ret_total);
        list = arena_zalloc_array(a, (size_t) limit + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        db_bind_all(s, limit, offset);
        while ((r = db_step(s)) == DB_ROW && (r = row_read(s, a, &list[n])) >= 0)
                n++;
        if (r < 0)
                return r;
        *ret = list;
        *ret_n = n;
        return 0;
}

int import_errors_sql_get(struct db *db, int64_t id, struct arena *a,
                          struct import_errors_sql_row *ret) {
        DB_USE struct db_stmt *s = db_use(db, &import_errors_sql_set, ERRORS_get);
        int r;

        db_bind_all(s, id);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : 1;
        return row_read(s, a, ret);
}
