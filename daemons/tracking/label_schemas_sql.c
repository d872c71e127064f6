#include "daemons/tracking/label_schemas_sql.h"

#include <errno.h>

#include "daemons/tracking/access.h"

#define DB_SET label_schemas_sql
#define DB_SET_ROWS "daemons/tracking/label_schemas_sql.def"
#include "lib/db/db_set.h"

int label_schemas_sql_read(struct db_stmt *s, struct arena *a, struct label_schema *ret) {
        bool oom = false;
        struct label_schema x = {
                .id = db_col_dup(s, 0, a, &oom),
                .experiment_id = db_col_i64(s, 1),
                .name = db_col_dup(s, 2, a, &oom),
                .type = db_col_dup(s, 3, a, &oom),
                .instruction = db_col_dup(s, 4, a, &oom),
                .enable_comment = db_col_i64(s, 5),
                .input_type = db_col_dup(s, 6, a, &oom),
                .input_config = db_col_dup(s, 7, a, &oom),
                .created_by = db_col_dup(s, 8, a, &oom),
                .created_at_ms = db_col_i64(s, 9),
                .updated_at_ms = db_col_i64(s, 10),
                .is_default = db_col_i64(s, 11),
        };

        if (oom)
                return -ENOMEM;
        *ret = x;
        return 0;
}

static int first(struct db_stmt *s, struct arena *a, struct label_schema *ret) {
        int r = db_step(s);

        if (r != DB_ROW)
                return r;
        r = label_schemas_sql_read(s, a, ret);
        return r < 0 ? r : DB_ROW;
}

int label_schemas_sql_get(struct db *db, struct arena *a, const char *id,
                          struct label_schema *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);

        db_bind_all(s, id);
        return first(s, a, ret);
}

int label_schemas_sql_need(struct db *db, struct refusal *r, const char *id,
                           struct label_schema *ret) {
        int x = refusal_row(r, label_schemas_sql_get(db, r->arena, id, ret),
                            "Label schema with id '%s' not found.", id);

        return x != 0 ? x : access_check_experiment(r, ret->experiment_id);
}

int label_schemas_sql_by_name(struct db *db, struct arena *a, int64_t experiment_id,
                              const char *name, struct label_schema *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_by_name);

        db_bind_all(s, experiment_id, name);
        return first(s, a, ret);
}

struct db_stmt *label_schemas_sql_list(struct db *db, int64_t experiment_id, int64_t limit,
                                       int64_t offset) {
        struct db_stmt *s = use(db, STMT_list);

        db_bind_all(s, experiment_id, limit, offset);
        return s;
}

int label_schemas_sql_has_default(struct db *db, int64_t experiment_id) {
        DB_USE struct db_stmt *s = use(db, STMT_has_default);

        db_bind_all(s, experiment_id);
        return db_step(s);
}

int label_schemas_sql_insert(struct db *db, const struct label_schema *x) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_all(s, x->id, x->experiment_id, x->name, x->type, x->instruction,
                    (int64_t) x->enable_comment, x->input_type, x->input_config, x->created_by,
                    x->created_at_ms, x->updated_at_ms, (int64_t) x->is_default);
        return db_run(s);
}

int label_schemas_sql_update(struct db *db, const struct label_schema *x) {
        DB_USE struct db_stmt *s = use(db, STMT_update);

        db_bind_all(s, x->name, x->instruction, (int64_t) x->enable_comment, x->input_type,
                    x->input_config, x->updated_at_ms, x->id);
        return db_run(s);
}

int label_schemas_sql_delete(struct db *db, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_delete);

        db_bind_all(s, id);
        return db_run(s);
}
