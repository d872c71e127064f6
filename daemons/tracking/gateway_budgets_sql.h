/* gateway_budgets_sql.h: the rows of the gateway's budgets. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

extern const struct db_set gateway_budgets_sql_set;

#define GATEWAY_BUDGET_ENDPOINT "ENDPOINT" /* scopes that have a target */
#define GATEWAY_BUDGET_USER "USER"

struct gateway_budget {
        const char *id, *unit, *duration_unit, *scope, *action;
        const char *target;                  /* the id of an endpoint, somebody's name; NULL */
        const char *created_by, *updated_by; /* NULL: not said */
        double amount;
        int64_t duration, created_at_ms, updated_at_ms;
};

/* The row `s` stands on. 0 or -ENOMEM. */
int gateway_budgets_sql_read(struct db_stmt *s, struct arena *a, struct gateway_budget *ret);
/* 0, REFUSED ("BudgetPolicy not found …") or -errno. */
int gateway_budgets_sql_need(struct db *db, struct refusal *r, const char *id,
                             struct gateway_budget *ret);
struct db_stmt *gateway_budgets_sql_list(struct db *db, int64_t limit, int64_t offset);
int gateway_budgets_sql_insert(struct db *db, const struct gateway_budget *x);
int gateway_budgets_sql_update(struct db *db, const struct gateway_budget *x);
int gateway_budgets_sql_delete(struct db *db, const char *id);

/* What was spent from `start_ms` on and before `end_ms`, of what the budget is for. 0 or -errno. */
int gateway_budgets_sql_spent(struct db *db, const struct gateway_budget *x, int64_t start_ms,
                              int64_t end_ms, double *ret);
