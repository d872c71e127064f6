#include "daemons/tracking/gateway_budgets_sql.h"

#include <errno.h>

#include "lib/base/str.h"

#define DB_SET gateway_budgets_sql
#define DB_SET_ROWS "daemons/tracking/gateway_budgets_sql.def"
#include "lib/db/db_set.h"

int gateway_budgets_sql_read(struct db_stmt *s, struct arena *a, struct gateway_budget *ret) {
        bool oom = false;
        struct gateway_budget x = {
                .id = db_col_dup(s, 0, a, &oom),
                .unit = db_col_dup(s, 1, a, &oom),
                .amount = db_col_f64(s, 2),
                .duration_unit = db_col_dup(s, 3, a, &oom),
                .duration = db_col_i64(s, 4),
                .scope = db_col_dup(s, 5, a, &oom),
                .action = db_col_dup(s, 6, a, &oom),
                .target = db_col_dup(s, 7, a, &oom),
                .created_by = db_col_dup(s, 8, a, &oom),
                .created_at_ms = db_col_i64(s, 9),
                .updated_by = db_col_dup(s, 10, a, &oom),
                .updated_at_ms = db_col_i64(s, 11),
        };

        if (oom)
                return -ENOMEM;
        *ret = x;
        return 0;
}

int gateway_budgets_sql_need(struct db *db, struct refusal *r, const char *id,
                             struct gateway_budget *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        int x;

        db_bind_all(s, id);
        x = refusal_row(r, db_step(s), "BudgetPolicy not found (budget_policy_id='%s')", id);
        return x != 0 ? x : gateway_budgets_sql_read(s, r->arena, ret);
}

struct db_stmt *gateway_budgets_sql_list(struct db *db, int64_t limit, int64_t offset) {
        struct db_stmt *s = use(db, STMT_list);

        db_bind_all(s, limit, offset);
        return s;
}

static int write_row(struct db_stmt *s, const struct gateway_budget *x) {
        db_bind_all(s, x->unit, x->amount, x->duration_unit, x->duration, x->scope, x->action,
                    x->target, x->created_by, x->created_at_ms, x->updated_by, x->updated_at_ms,
                    x->id);
        return db_run(s);
}

int gateway_budgets_sql_insert(struct db *db, const struct gateway_budget *x) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        return write_row(s, x);
}

int gateway_budgets_sql_update(struct db *db, const struct gateway_budget *x) {
        DB_USE struct db_stmt *s = use(db, STMT_update);

        return write_row(s, x);
}

int gateway_budgets_sql_delete(struct db *db, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_delete);

        db_bind_all(s, id);
        return db_run(s);
}

int gateway_budgets_sql_spent(struct db *db, const struct gateway_budget *x, int64_t start_ms,
                              int64_t end_ms, double *ret) {
        bool at_endpoint = str_eq(x->scope, GATEWAY_BUDGET_ENDPOINT);
        bool by_user = str_eq(x->scope, GATEWAY_BUDGET_USER);
        DB_USE struct db_stmt *s = use(db, at_endpoint ? STMT_spent_at_endpoint
                                           : by_user   ? STMT_spent_by_user
                                                       : STMT_spent);
        int r;

        if (at_endpoint || by_user)
                db_bind_all(s, start_ms, end_ms, x->target);
        else
                db_bind_all(s, start_ms, end_ms);
        r = db_step(s);
        if (r == DB_ROW)
                *ret = db_col_f64(s, 0);
        return r < 0 ? r : 0;
}
