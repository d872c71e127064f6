#include "daemons/scheduler/pools_sql.h"

#include <errno.h>

#include "daemons/scheduler/core/world.h"
#include "lib/base/arena.h"

enum {
#define DB_STATEMENT(name, sql) POOLS_##name,
#include "daemons/scheduler/pools_sql.def"
#undef DB_STATEMENT
};

static const struct db_statement rows[] = {
#define DB_STATEMENT(name, sql) {#name, sql},
#include "daemons/scheduler/pools_sql.def"
#undef DB_STATEMENT
};

const struct db_set pools_sql_set = {"pools", rows, ARRAY_SIZE(rows)};

int pools_sql_put(struct db *db, const struct pools_sql_row *row) {
        DB_USE struct db_stmt *s = db_use(db, &pools_sql_set, POOLS_put);
        int64_t slots = row->n_slots == WORLD_SLOTS_INFINITE ? -1 : (int64_t) row->n_slots;

        db_bind_all(s, row->name, slots, row->include_deferred, row->description);
        return db_run(s);
}

int pools_sql_delete(struct db *db, const char *name) {
        DB_USE struct db_stmt *s = db_use(db, &pools_sql_set, POOLS_remove);

        db_bind_all(s, name);
        return db_run(s);
}

int pools_sql_description(struct db *db, const char *name, struct arena *a, const char **ret) {
        DB_USE struct db_stmt *s = db_use(db, &pools_sql_set, POOLS_get);
        bool oom = false;
        int r;

        *ret = NULL;
        db_bind_all(s, name);
        r = db_step(s);
        if (r == DB_ROW)
                *ret = db_col_dup(s, 3, a, &oom);
        return oom ? -ENOMEM : MIN(r, 0);
}

int pools_sql_each(struct db *db, int (*each)(void *ctx, const struct pools_sql_row *row),
                   void *ctx) {
        DB_USE struct db_stmt *s = db_use(db, &pools_sql_set, POOLS_list);
        int r;

        while ((r = db_step(s)) == DB_ROW) {
                int64_t slots = db_col_i64(s, 1);

                r = each(ctx, &(struct pools_sql_row){.name = db_col_text(s, 0),
                                                      .n_slots = slots < 0 ? WORLD_SLOTS_INFINITE
                                                                           : (unsigned) slots,
                                                      .include_deferred = db_col_i64(s, 2) != 0,
                                                      .description = db_col_text(s, 3)});
                if (r != 0)
                        return r;
        }
        return r;
}
