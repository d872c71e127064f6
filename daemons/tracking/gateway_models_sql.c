#include "daemons/tracking/gateway_models_sql.h"

#include <errno.h>

#include "daemons/tracking/access.h"

#define DB_SET gateway_models_sql
#define DB_SET_ROWS "daemons/tracking/gateway_models_sql.def"
#include "lib/db/db_set.h"

int gateway_models_sql_read(struct db_stmt *s, struct arena *a, struct gateway_model *ret) {
        bool oom = false;
        struct gateway_model x = {
                .id = db_col_dup(s, 0, a, &oom),
                .name = db_col_dup(s, 1, a, &oom),
                .secret_id = db_col_dup(s, 2, a, &oom),
                .secret_name = db_col_dup(s, 3, a, &oom),
                .provider = db_col_dup(s, 4, a, &oom),
                .model_name = db_col_dup(s, 5, a, &oom),
                .created_by = db_col_dup(s, 6, a, &oom),
                .created_at_ms = db_col_i64(s, 7),
                .updated_by = db_col_dup(s, 8, a, &oom),
                .updated_at_ms = db_col_i64(s, 9),
        };

        if (oom)
                return -ENOMEM;
        *ret = x;
        return 0;
}

int gateway_models_sql_get(struct db *db, struct arena *a, const char *id,
                           struct gateway_model *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        int r;

        db_bind_all(s, id);
        r = db_step(s);
        if (r != DB_ROW)
                return r;
        r = gateway_models_sql_read(s, a, ret);
        return r < 0 ? r : DB_ROW;
}

static int need(struct db *db, struct refusal *r, const char *id, struct gateway_model *ret) {
        return refusal_row(r, gateway_models_sql_get(db, r->arena, id, ret),
                           "GatewayModelDefinition not found (model_definition_id='%s')", id);
}

int gateway_models_sql_need(struct db *db, struct refusal *r, const char *id,
                            struct gateway_model *ret) {
        int x = access_check(r, ACCESS_GATEWAY_MODEL, id);

        return x != 0 ? x : need(db, r, id, ret);
}

int gateway_models_sql_need_use(struct db *db, struct refusal *r, const char *id) {
        struct gateway_model model;
        int x = access_check_level(r, ACCESS_GATEWAY_MODEL, id, ACCESS_USE);

        return x != 0 ? x : need(db, r, id, &model);
}

struct db_stmt *gateway_models_sql_list(struct db *db) {
        return use(db, STMT_list);
}

int gateway_models_sql_insert(struct db *db, const struct gateway_model *x) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_all(s, x->id, x->name, x->secret_id, x->provider, x->model_name, x->created_by,
                    x->created_at_ms, x->updated_by, x->updated_at_ms);
        return db_run(s);
}

int gateway_models_sql_update(struct db *db, const struct gateway_model *x) {
        DB_USE struct db_stmt *s = use(db, STMT_update);

        db_bind_all(s, x->name, x->secret_id, x->provider, x->model_name, x->updated_by,
                    x->updated_at_ms, x->id);
        return db_run(s);
}

int gateway_models_sql_in_use(struct db *db, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_in_use);

        db_bind_all(s, id);
        return db_step(s);
}

int gateway_models_sql_delete(struct db *db, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_delete);

        db_bind_all(s, id);
        return db_run(s);
}
