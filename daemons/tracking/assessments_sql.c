#include "daemons/tracking/assessments_sql.h"

#include <errno.h>

#define DB_SET assessments_sql
#define DB_SET_ROWS "daemons/tracking/assessments_sql.def"
#include "lib/db/db_set.h"

int assessments_sql_read(struct db_stmt *s, struct arena *a, struct assessment *ret) {
        bool oom = false;
        struct assessment x = {
                .id = db_col_dup(s, 0, a, &oom),
                .trace_id = db_col_dup(s, 1, a, &oom),
                .name = db_col_dup(s, 2, a, &oom),
                .type = db_col_dup(s, 3, a, &oom),
                .value = db_col_dup(s, 4, a, &oom),
                .error = db_col_dup(s, 5, a, &oom),
                .created_at_ms = db_col_i64(s, 6),
                .updated_at_ms = db_col_i64(s, 7),
                .source_type = db_col_dup(s, 8, a, &oom),
                .source_id = db_col_dup(s, 9, a, &oom),
                .run_id = db_col_dup(s, 10, a, &oom),
                .span_id = db_col_dup(s, 11, a, &oom),
                .rationale = db_col_dup(s, 12, a, &oom),
                .overrides = db_col_dup(s, 13, a, &oom),
                .valid = db_col_i64(s, 14),
                .metadata = db_col_dup(s, 15, a, &oom),
        };

        if (oom)
                return -ENOMEM;
        *ret = x;
        return 0;
}

int assessments_sql_get(struct db *db, const char *trace_id, const char *id, struct arena *a,
                        struct assessment *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        int r;

        db_bind_all(s, trace_id, id);
        r = db_step(s);
        if (r != DB_ROW)
                return r;
        r = assessments_sql_read(s, a, ret);
        return r < 0 ? r : DB_ROW;
}

struct db_stmt *assessments_sql_list(struct db *db, const char *trace_id) {
        struct db_stmt *s = use(db, STMT_list);

        db_bind_all(s, trace_id);
        return s;
}

int assessments_sql_insert(struct db *db, const struct trace *t, const struct assessment *x) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_all(s, x->id, t->id, x->name, x->type, x->value, x->error, x->created_at_ms,
                    x->updated_at_ms, x->source_type, x->source_id, x->run_id, x->span_id,
                    x->rationale, x->overrides, x->valid, x->metadata, t->experiment_id, t->at_ms);
        if (x->has_aggregate)
                db_bind_f64(s, 19, x->aggregate);
        db_bind_i64(s, 20, x->is_numeric);
        return db_run(s);
}

int assessments_sql_owner(struct db *db, const char *id, struct arena *a, const char **ret_trace) {
        DB_USE struct db_stmt *s = use(db, STMT_owner);
        int r;

        db_bind_all(s, id);
        r = db_step(s);
        if (r == DB_ROW) {
                *ret_trace = db_col_dup(s, 0, a, NULL);
                if (!*ret_trace)
                        return -ENOMEM;
        }
        return r;
}

int assessments_sql_update(struct db *db, const struct assessment *x) {
        DB_USE struct db_stmt *s = use(db, STMT_update);

        db_bind_all(s, x->name, x->value, x->error, x->updated_at_ms, x->rationale, x->metadata);
        if (x->has_aggregate)
                db_bind_f64(s, 7, x->aggregate);
        db_bind_i64(s, 8, x->is_numeric);
        db_bind_text(s, 9, x->trace_id);
        db_bind_text(s, 10, x->id);
        return db_run(s);
}

int assessments_sql_set_valid(struct db *db, const char *trace_id, const char *id, bool valid,
                              int64_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, STMT_set_valid);
        int r;

        db_bind_all(s, valid, trace_id, id);
        r = db_run(s);
        if (r == 0)
                *ret_n = db_changes(db);
        return r;
}

int assessments_sql_delete(struct db *db, const char *trace_id, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_delete);

        db_bind_all(s, trace_id, id);
        return db_run(s);
}
