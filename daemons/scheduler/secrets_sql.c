#include "daemons/scheduler/secrets_sql.h"

#include <errno.h>

#include "lib/base/arena.h"
#include "lib/base/macros.h"

enum {
#define DB_STATEMENT(name, sql) SECRETS_##name,
#include "daemons/scheduler/secrets_sql.def"
#undef DB_STATEMENT
};

static const struct db_statement rows[] = {
#define DB_STATEMENT(name, sql) {#name, sql},
#include "daemons/scheduler/secrets_sql.def"
#undef DB_STATEMENT
};

const struct db_set secrets_sql_set = {"secrets", rows, ARRAY_SIZE(rows)};

int secrets_sql_put(struct db *db, const struct secrets_sql_row *row) {
        DB_USE struct db_stmt *s = db_use(db, &secrets_sql_set, SECRETS_put);

        db_bind_all(s, row->kind, row->name, row->type, row->description, row->value);
        return db_run(s);
}

static int read_row(struct db_stmt *s, struct arena *a, struct secrets_sql_row *ret) {
        bool oom = false;

        *ret = (struct secrets_sql_row){.kind = db_col_dup(s, 0, a, &oom),
                                        .name = db_col_dup(s, 1, a, &oom),
                                        .type = db_col_dup(s, 2, a, &oom),
                                        .description = db_col_dup(s, 3, a, &oom),
                                        .value = db_col_dup(s, 4, a, &oom)};
        return oom ? -ENOMEM : 0;
}

int secrets_sql_get(struct db *db, const char *kind, const char *name, struct arena *a,
                    struct secrets_sql_row *ret) {
        DB_USE struct db_stmt *s = db_use(db, &secrets_sql_set, SECRETS_get);
        int r;

        db_bind_all(s, kind, name);
        r = db_step(s);
        if (r != DB_ROW)
                return r < 0 ? r : 1;
        return read_row(s, a, ret);
}

int secrets_sql_delete(struct db *db, const char *kind, const char *name) {
        DB_USE struct db_stmt *s = db_use(db, &secrets_sql_set, SECRETS_remove);
        int r;

        db_bind_all(s, kind, name);
        r = db_run(s);
        return r < 0 ? r : db_changes(db) == 0;
}

int secrets_sql_each(struct db *db, struct arena *a,
                     int (*each)(void *ctx, const struct secrets_sql_row *row), void *ctx) {
        DB_USE struct db_stmt *s = db_use(db, &secrets_sql_set, SECRETS_all);
        struct secrets_sql_row row;
        int r;

        while ((r = db_step(s)) == DB_ROW) {
                r = read_row(s, a, &row);
                if (r == 0)
                        r = each(ctx, &row);
                if (r != 0)
                        return r;
        }
        return r;
}
