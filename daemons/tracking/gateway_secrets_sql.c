#include "daemons/tracking/gateway_secrets_sql.h"

#include <errno.h>

#include "daemons/tracking/access.h"

#define DB_SET gateway_secrets_sql
#define DB_SET_ROWS "daemons/tracking/gateway_secrets_sql.def"
#include "lib/db/db_set.h"

int gateway_secrets_sql_read(struct db_stmt *s, struct arena *a, struct gateway_secret *ret) {
        bool oom = false;
        struct gateway_secret x = {
                .id = db_col_dup(s, 0, a, &oom),
                .name = db_col_dup(s, 1, a, &oom),
                .masked = db_col_dup(s, 2, a, &oom),
                .provider = db_col_dup(s, 3, a, &oom),
                .auth_config = db_col_dup(s, 4, a, &oom),
                .created_by = db_col_dup(s, 5, a, &oom),
                .created_at_ms = db_col_i64(s, 6),
                .updated_by = db_col_dup(s, 7, a, &oom),
                .updated_at_ms = db_col_i64(s, 8),
        };

        if (oom)
                return -ENOMEM;
        *ret = x;
        return 0;
}

static int need(struct db *db, struct refusal *r, const char *id, struct gateway_secret *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        int x;

        db_bind_all(s, id);
        x = refusal_row(r, db_step(s), "GatewaySecret not found (secret_id='%s')", id);
        return x != 0 ? x : gateway_secrets_sql_read(s, r->arena, ret);
}

int gateway_secrets_sql_need(struct db *db, struct refusal *r, const char *id,
                             struct gateway_secret *ret) {
        int x = access_check(r, ACCESS_GATEWAY_SECRET, id);

        return x != 0 ? x : need(db, r, id, ret);
}

int gateway_secrets_sql_need_use(struct db *db, struct refusal *r, const char *id,
                                 struct gateway_secret *ret) {
        int x = access_check_level(r, ACCESS_GATEWAY_SECRET, id, ACCESS_USE);

        return x != 0 ? x : need(db, r, id, ret);
}

struct db_stmt *gateway_secrets_sql_list(struct db *db) {
        return use(db, STMT_list);
}

int gateway_secrets_sql_insert(struct db *db, const struct gateway_secret *x,
                               const struct gateway_secrets_sql_value *value) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_text(s, 1, x->id);
        db_bind_text(s, 2, x->name);
        db_bind_blob(s, 3, value->sealed->data, value->sealed->len);
        db_bind_blob(s, 4, value->key->data, value->key->len);
        db_bind_i64(s, 5, value->key_version);
        db_bind_text(s, 6, x->masked);
        db_bind_text(s, 7, x->provider);
        db_bind_text(s, 8, x->auth_config);
        db_bind_text(s, 9, x->created_by);
        db_bind_i64(s, 10, x->created_at_ms);
        db_bind_text(s, 11, x->updated_by);
        db_bind_i64(s, 12, x->updated_at_ms);
        return db_run(s);
}

int gateway_secrets_sql_set_value(struct db *db, const struct gateway_secret *x,
                                  const struct gateway_secrets_sql_value *value) {
        DB_USE struct db_stmt *s = use(db, STMT_set_value);

        db_bind_blob(s, 1, value->sealed->data, value->sealed->len);
        db_bind_blob(s, 2, value->key->data, value->key->len);
        db_bind_i64(s, 3, value->key_version);
        db_bind_text(s, 4, x->masked);
        db_bind_text(s, 5, x->id);
        return db_run(s);
}

int gateway_secrets_sql_update(struct db *db, const struct gateway_secret *x) {
        DB_USE struct db_stmt *s = use(db, STMT_update);

        db_bind_all(s, x->auth_config, x->updated_by, x->updated_at_ms, x->id);
        return db_run(s);
}

int gateway_secrets_sql_delete(struct db *db, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_delete);

        db_bind_all(s, id);
        return db_run(s);
}
