#include "daemons/tracking/gateway_endpoints_sql.h"

#include <errno.h>

#include "daemons/tracking/access.h"

#define DB_SET gateway_endpoints_sql
#define DB_SET_ROWS "daemons/tracking/gateway_endpoints_sql.def"
#include "lib/db/db_set.h"

int gateway_endpoints_sql_read(struct db_stmt *s, struct arena *a, struct gateway_endpoint *ret) {
        bool oom = false;
        struct gateway_endpoint x = {
                .id = db_col_dup(s, 0, a, &oom),
                .name = db_col_dup(s, 1, a, &oom),
                .created_by = db_col_dup(s, 2, a, &oom),
                .created_at_ms = db_col_i64(s, 3),
                .updated_by = db_col_dup(s, 4, a, &oom),
                .updated_at_ms = db_col_i64(s, 5),
                .routing = db_col_dup(s, 6, a, &oom),
                .fallback_config = db_col_dup(s, 7, a, &oom),
                .has_experiment = !db_col_is_null(s, 8),
                .experiment_id = db_col_i64(s, 8),
                .usage_tracking = db_col_i64(s, 9),
        };

        if (oom)
                return -ENOMEM;
        *ret = x;
        return 0;
}

int gateway_endpoints_sql_need(struct db *db, struct refusal *r, const char *id, const char *name,
                               struct gateway_endpoint *ret) {
        DB_USE struct db_stmt *s = use(db, id ? STMT_get : STMT_get_by_name);
        int x = id ? access_check(r, ACCESS_GATEWAY_ENDPOINT, id) : 0;

        if (x != 0)
                return x;
        db_bind_all(s, id ? id : name);
        x = refusal_row(r, db_step(s), "GatewayEndpoint not found (%s='%s')",
                        id ? "endpoint_id" : "name", id ? id : name);
        if (x == 0)
                x = gateway_endpoints_sql_read(s, r->arena, ret);
        return x != 0 || id ? x : access_check(r, ACCESS_GATEWAY_ENDPOINT, ret->id);
}

struct db_stmt *gateway_endpoints_sql_list(struct db *db) {
        return use(db, STMT_list);
}

static void bind_experiment(struct db_stmt *s, int param, const struct gateway_endpoint *x) {
        if (x->has_experiment)
                db_bind_i64(s, param, x->experiment_id);
        else
                db_bind_null(s, param);
}

int gateway_endpoints_sql_insert(struct db *db, const struct gateway_endpoint *x) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_text(s, 1, x->id);
        db_bind_text(s, 2, x->name);
        db_bind_text(s, 3, x->created_by);
        db_bind_i64(s, 4, x->created_at_ms);
        db_bind_text(s, 5, x->updated_by);
        db_bind_i64(s, 6, x->updated_at_ms);
        db_bind_text(s, 7, x->routing);
        db_bind_text(s, 8, x->fallback_config);
        bind_experiment(s, 9, x);
        db_bind_i64(s, 10, x->usage_tracking);
        return db_run(s);
}

int gateway_endpoints_sql_update(struct db *db, const struct gateway_endpoint *x) {
        DB_USE struct db_stmt *s = use(db, STMT_update);

        db_bind_text(s, 1, x->name);
        db_bind_text(s, 2, x->updated_by);
        db_bind_i64(s, 3, x->updated_at_ms);
        db_bind_text(s, 4, x->routing);
        db_bind_text(s, 5, x->fallback_config);
        bind_experiment(s, 6, x);
        db_bind_i64(s, 7, x->usage_tracking);
        db_bind_text(s, 8, x->id);
        return db_run(s);
}

int gateway_endpoints_sql_delete(struct db *db, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_delete);

        db_bind_all(s, id);
        return db_run(s);
}

/* --- models --- */

static int read_mapping(struct db_stmt *s, struct arena *a, const char *endpoint_id,
                        struct gateway_mapping *ret) {
        bool oom = false;
        struct gateway_mapping x = {
                .id = db_col_dup(s, 0, a, &oom),
                .endpoint_id = endpoint_id,
                .model_id = db_col_dup(s, 1, a, &oom),
                .weight = db_col_f64(s, 2),
                .created_by = db_col_dup(s, 3, a, &oom),
                .created_at_ms = db_col_i64(s, 4),
                .linkage = db_col_dup(s, 5, a, &oom),
                .has_order = !db_col_is_null(s, 6),
                .order = db_col_i64(s, 6),
        };

        if (oom)
                return -ENOMEM;
        *ret = x;
        return 0;
}

int gateway_endpoints_sql_mappings(struct db *db, struct arena *a, const char *id,
                                   struct gateway_mapping **ret, size_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, STMT_mappings);
        struct gateway_mapping *all = NULL, *more;
        size_t n = 0, size = 0;
        int r;

        db_bind_all(s, id);
        while ((r = db_step(s)) == DB_ROW) {
                if (n == size) {
                        size = size ? 2 * size : 8;
                        more = arena_zalloc_array(a, size, sizeof(*more));
                        if (!more)
                                return -ENOMEM;
                        for (size_t i = 0; i < n; i++)
                                more[i] = all[i];
                        all = more;
                }
                r = read_mapping(s, a, id, &all[n++]);
                if (r < 0)
                        return r;
        }
        *ret = all;
        *ret_n = n;
        return r;
}

int gateway_endpoints_sql_mapping_insert(struct db *db, const struct gateway_mapping *x) {
        DB_USE struct db_stmt *s = use(db, STMT_mapping_insert);

        db_bind_text(s, 1, x->id);
        db_bind_text(s, 2, x->endpoint_id);
        db_bind_text(s, 3, x->model_id);
        db_bind_f64(s, 4, x->weight);
        db_bind_text(s, 5, x->created_by);
        db_bind_i64(s, 6, x->created_at_ms);
        db_bind_text(s, 7, x->linkage);
        if (x->has_order)
                db_bind_i64(s, 8, x->order);
        else
                db_bind_null(s, 8);
        return db_run(s);
}

int gateway_endpoints_sql_mapping_has(struct db *db, const char *id, const char *model_id) {
        DB_USE struct db_stmt *s = use(db, STMT_mapping_has);

        db_bind_all(s, id, model_id);
        return db_step(s);
}

int gateway_endpoints_sql_mapping_delete(struct db *db, const char *id, const char *model_id) {
        DB_USE struct db_stmt *s = use(db, STMT_mapping_delete);

        db_bind_all(s, id, model_id);
        return db_run(s);
}

int gateway_endpoints_sql_mappings_delete(struct db *db, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_mappings_delete);

        db_bind_all(s, id);
        return db_run(s);
}

/* --- tags --- */

struct db_stmt *gateway_endpoints_sql_tags(struct db *db, const char *id) {
        struct db_stmt *s = use(db, STMT_tags);

        db_bind_all(s, id);
        return s;
}

int gateway_endpoints_sql_tag_set(struct db *db, const char *id, const char *key,
                                  const char *value) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_set);

        db_bind_all(s, key, value, id);
        return db_run(s);
}

int gateway_endpoints_sql_tag_delete(struct db *db, const char *id, const char *key) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_delete);

        db_bind_all(s, key, id);
        return db_run(s);
}

/* --- bindings --- */

struct db_stmt *gateway_endpoints_sql_bindings(struct db *db) {
        return use(db, STMT_bindings);
}

int gateway_endpoints_sql_binding_read(struct db_stmt *s, struct arena *a,
                                       struct gateway_binding *ret) {
        bool oom = false;
        struct gateway_binding x = {
                .endpoint_id = db_col_dup(s, 0, a, &oom),
                .type = db_col_dup(s, 1, a, &oom),
                .id = db_col_dup(s, 2, a, &oom),
                .created_by = db_col_dup(s, 3, a, &oom),
                .created_at_ms = db_col_i64(s, 4),
                .updated_by = db_col_dup(s, 5, a, &oom),
                .updated_at_ms = db_col_i64(s, 6),
                .display_name = db_col_dup(s, 7, a, &oom),
        };

        if (oom)
                return -ENOMEM;
        *ret = x;
        return 0;
}

int gateway_endpoints_sql_binding_insert(struct db *db, const struct gateway_binding *x) {
        DB_USE struct db_stmt *s = use(db, STMT_binding_insert);

        db_bind_all(s, x->endpoint_id, x->type, x->id, x->created_by, x->created_at_ms,
                    x->updated_by, x->updated_at_ms, x->display_name);
        return db_run(s);
}

int gateway_endpoints_sql_binding_has(struct db *db, const struct gateway_binding *x) {
        DB_USE struct db_stmt *s = use(db, STMT_binding_has);

        db_bind_all(s, x->endpoint_id, x->type, x->id);
        return db_step(s);
}

int gateway_endpoints_sql_binding_delete(struct db *db, const struct gateway_binding *x) {
        DB_USE struct db_stmt *s = use(db, STMT_binding_delete);

        db_bind_all(s, x->endpoint_id, x->type, x->id);
        return db_run(s);
}

int gateway_endpoints_sql_bindings_delete(struct db *db, const char *type, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_bindings_delete);

        db_bind_all(s, type, id);
        return db_run(s);
}
