#include "daemons/tracking/gateway_guardrails_sql.h"

#include <errno.h>

#define DB_SET gateway_guardrails_sql
#define DB_SET_ROWS "daemons/tracking/gateway_guardrails_sql.def"
#include "lib/db/db_set.h"

int gateway_guardrails_sql_read(struct db_stmt *s, struct arena *a, struct gateway_guardrail *ret) {
        bool oom = false;
        struct gateway_guardrail x = {
                .id = db_col_dup(s, 0, a, &oom),
                .name = db_col_dup(s, 1, a, &oom),
                .stage = db_col_dup(s, 2, a, &oom),
                .action = db_col_dup(s, 3, a, &oom),
                .action_endpoint = db_col_dup(s, 4, a, &oom),
                .created_by = db_col_dup(s, 5, a, &oom),
                .created_at_ms = db_col_i64(s, 6),
                .updated_by = db_col_dup(s, 7, a, &oom),
                .updated_at_ms = db_col_i64(s, 8),
                .scorer = {.experiment_id = db_col_i64(s, 9),
                           .name = db_col_dup(s, 10, a, &oom),
                           .version = db_col_i64(s, 11),
                           .serialized = db_col_dup(s, 12, a, &oom),
                           .created_at_ms = db_col_i64(s, 13),
                           .id = db_col_dup(s, 14, a, &oom)},
        };

        if (oom)
                return -ENOMEM;
        *ret = x;
        return 0;
}

int gateway_guardrails_sql_need(struct db *db, struct refusal *r, const char *id,
                                struct gateway_guardrail *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        int x;

        db_bind_all(s, id);
        x = refusal_row(r, db_step(s), "Guardrail not found (guardrail_id='%s')", id);
        return x != 0 ? x : gateway_guardrails_sql_read(s, r->arena, ret);
}

struct db_stmt *gateway_guardrails_sql_list(struct db *db, int64_t limit, int64_t offset) {
        struct db_stmt *s = use(db, STMT_list);

        db_bind_all(s, limit, offset);
        return s;
}

int gateway_guardrails_sql_insert(struct db *db, const struct gateway_guardrail *x) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_all(s, x->id, x->name, x->scorer.id, x->scorer.version, x->stage, x->action,
                    x->action_endpoint, x->created_by, x->created_at_ms, x->updated_by,
                    x->updated_at_ms);
        return db_run(s);
}

int gateway_guardrails_sql_delete(struct db *db, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_delete);

        db_bind_all(s, id);
        return db_run(s);
}

int gateway_guardrails_sql_check_unused(struct db *db, struct refusal *r, const char *scorer_id,
                                        int64_t version) {
        DB_USE struct db_stmt *s = use(db, version ? STMT_of_version : STMT_of_scorer);
        int x;

        db_bind_text(s, 1, scorer_id);
        if (version)
                db_bind_i64(s, 2, version);
        x = db_step(s);
        if (x != DB_ROW)
                return x < 0 ? x : 0;
        return refusal_set(r, REFUSAL_BAD_REQUEST,
                           "A guardrail of the gateway judges by this scorer: delete the guardrail "
                           "first.");
}

int gateway_guardrails_sql_need_endpoint(struct db *db, struct refusal *r, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_endpoint);

        db_bind_all(s, id);
        return refusal_row(r, db_step(s), "Endpoint not found (endpoint_id='%s')", id);
}

/* --- at endpoints --- */

int gateway_guardrails_sql_config_read(struct db_stmt *s, struct arena *a,
                                       struct gateway_guardrail_config *ret) {
        bool oom = false;
        struct gateway_guardrail_config x = {
                .endpoint_id = db_col_dup(s, 15, a, &oom),
                .has_order = !db_col_is_null(s, 16),
                .order = db_col_i64(s, 16),
                .created_by = db_col_dup(s, 17, a, &oom),
                .created_at_ms = db_col_i64(s, 18),
        };
        int r = gateway_guardrails_sql_read(s, a, &x.guardrail);

        if (r < 0 || oom)
                return -ENOMEM;
        *ret = x;
        return 0;
}

int gateway_guardrails_sql_config_need(struct db *db, struct refusal *r, const char *endpoint_id,
                                       const char *id, struct gateway_guardrail_config *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_config_get);
        int x;

        db_bind_all(s, endpoint_id, id);
        x = refusal_row(r, db_step(s),
                        "GuardrailConfig not found (endpoint_id='%s', guardrail_id='%s')",
                        endpoint_id, id);
        return x != 0 ? x : gateway_guardrails_sql_config_read(s, r->arena, ret);
}

struct db_stmt *gateway_guardrails_sql_config_list(struct db *db, const char *endpoint_id) {
        struct db_stmt *s = use(db, STMT_config_list);

        db_bind_all(s, endpoint_id);
        return s;
}

static void bind_order(struct db_stmt *s, int param, const struct gateway_guardrail_config *x) {
        if (x->has_order)
                db_bind_i64(s, param, x->order);
        else
                db_bind_null(s, param);
}

int gateway_guardrails_sql_config_insert(struct db *db, const struct gateway_guardrail_config *x) {
        DB_USE struct db_stmt *s = use(db, STMT_config_insert);

        db_bind_text(s, 1, x->endpoint_id);
        db_bind_text(s, 2, x->guardrail.id);
        bind_order(s, 3, x);
        db_bind_text(s, 4, x->created_by);
        db_bind_i64(s, 5, x->created_at_ms);
        return db_run(s);
}

int gateway_guardrails_sql_config_update(struct db *db, const struct gateway_guardrail_config *x) {
        DB_USE struct db_stmt *s = use(db, STMT_config_update);

        bind_order(s, 1, x);
        db_bind_text(s, 2, x->endpoint_id);
        db_bind_text(s, 3, x->guardrail.id);
        return db_run(s);
}

int gateway_guardrails_sql_config_delete(struct db *db, const char *endpoint_id, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_config_delete);

        db_bind_all(s, endpoint_id, id);
        return db_run(s);
}
