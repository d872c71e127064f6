#include "daemons/tracking/logged_models_sql.h"

#include <errno.h>
#include <math.h>

#include "daemons/tracking/access.h"
#include "lib/base/str.h"

#define DB_SET logged_models_sql
#define DB_SET_ROWS "daemons/tracking/logged_models_sql.def"
#include "lib/db/db_set.h"

const char *const logged_models_sql_statuses[LOGGED_MODELS_SQL_STATUSES] = {
        "LOGGED_MODEL_STATUS_UNSPECIFIED", "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY",
        "LOGGED_MODEL_UPLOAD_FAILED"};

int logged_models_sql_read(struct db_stmt *s, struct arena *a, struct logged_model *ret) {
        bool oom = false;
        struct logged_model m = {
                .id = db_col_dup(s, 0, a, &oom),
                .experiment_id = db_col_i64(s, 1),
                .name = db_col_dup(s, 2, a, &oom),
                .artifact_location = db_col_dup(s, 3, a, &oom),
                .created_at_ms = db_col_i64(s, 4),
                .updated_at_ms = db_col_i64(s, 5),
                .status = db_col_i64(s, 6),
                .is_active = !str_eq(db_col_text(s, 7), "deleted"),
                .type = db_col_dup(s, 8, a, &oom),
                .source_run_id = db_col_dup(s, 9, a, &oom),
                .status_message = db_col_dup(s, 10, a, &oom),
        };

        if (oom)
                return -ENOMEM;
        if (m.status < 0 || m.status >= LOGGED_MODELS_SQL_STATUSES)
                m.status = LOGGED_MODELS_SQL_UNSPECIFIED;
        *ret = m;
        return 0;
}

static int not_found(struct refusal *r, const char *id) {
        return refusal_set(r, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                           "Logged model with ID '%s' not found.", id);
}

int logged_models_sql_need(struct db *db, struct refusal *r, const char *id, bool allow_deleted,
                           struct logged_model *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        int x;

        db_bind_all(s, id);
        x = db_step(s);
        if (x == DB_DONE) {
                x = access_check_absent(r);
                return x != 0 ? x : not_found(r, id);
        }
        if (x == DB_ROW)
                x = logged_models_sql_read(s, r->arena, ret);
        if (x < 0)
                return x;
        x = access_check_experiment(r, ret->experiment_id);
        if (x != 0)
                return x;
        return ret->is_active || allow_deleted ? 0 : not_found(r, id);
}

int logged_models_sql_insert(struct db *db, const struct logged_model *m) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);
        int r;

        db_bind_all(s, m->id, m->experiment_id, m->name, m->artifact_location, m->created_at_ms,
                    m->updated_at_ms, m->status, m->type, m->source_run_id);
        r = db_run(s);
        return r == DB_CONFLICT ? -EEXIST : r;
}

int logged_models_sql_set_status(struct db *db, const char *id, int64_t status, int64_t now_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_set_status);

        db_bind_all(s, status, now_ms, id);
        return db_run(s);
}

int logged_models_sql_delete(struct db *db, const char *id, int64_t now_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_delete);

        db_bind_all(s, now_ms, id);
        return db_run(s);
}

int logged_models_sql_tag_set(struct db *db, const struct logged_model *m, const char *key,
                              const char *value) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_set);

        db_bind_all(s, m->id, m->experiment_id, key, value);
        return db_run(s);
}

int logged_models_sql_tag_delete(struct db *db, const char *id, const char *key, int64_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_delete);
        int r;

        db_bind_all(s, id, key);
        r = db_run(s);
        *ret_n = r == 0 ? db_changes(db) : 0;
        return r;
}

static int get_text(struct db *db, size_t row, const char *id, const char *key, struct arena *a,
                    const char **ret) {
        DB_USE struct db_stmt *s = use(db, row);
        bool oom = false;
        int r;

        db_bind_all(s, id, key);
        r = db_step(s);
        if (r != DB_ROW)
                return r;
        *ret = db_col_dup(s, 0, a, &oom);
        return oom ? -ENOMEM : DB_ROW;
}

int logged_models_sql_tag_get(struct db *db, const char *id, const char *key, struct arena *a,
                              const char **ret) {
        return get_text(db, STMT_tag_get, id, key, a, ret);
}

int logged_models_sql_param_add(struct db *db, struct refusal *r, const struct logged_model *m,
                                const char *key, const char *value) {
        DB_USE struct db_stmt *s = use(db, STMT_param_insert);
        const char *old = "";
        int x;

        db_bind_all(s, m->id, m->experiment_id, key, value);
        x = db_run(s);
        if (x != DB_CONFLICT)
                return x;
        x = get_text(db, STMT_param_get, m->id, key, r->arena, &old);
        if (x < 0 || str_eq(old, value))
                return x < 0 ? x : 0;
        return refusal_invalid(r,
                               "Changing param values is not allowed. Param with key='%s' was "
                               "already logged with value='%s' for model ID='%s'. Attempted "
                               "logging new value '%s'.",
                               key, old, m->id, value);
}

int logged_models_sql_add_metric(struct db *db, struct refusal *r, const char *run_id,
                                 int64_t experiment_id, const struct metric *metric) {
        DB_USE struct db_stmt *s = NULL;
        struct logged_model m;
        int x;

        if (str_empty(metric->model_id))
                return 0;
        x = logged_models_sql_need(db, r, metric->model_id, true, &m);
        if (x != 0)
                return x;
        s = use(db, STMT_metric_insert);
        db_bind_all(s, metric->model_id, metric->key, metric->at_ms, metric->step,
                    isnan(metric->value) ? 0.0 : metrics_sql_storable(metric->value), experiment_id,
                    run_id, str_empty(metric->dataset_name) ? (char *) NULL : metric->dataset_name,
                    str_empty(metric->dataset_digest) ? (char *) NULL : metric->dataset_digest);
        return db_run(s);
}

static struct db_stmt *by_id(struct db *db, size_t row, const char *id) {
        struct db_stmt *s = use(db, row);

        db_bind_all(s, id);
        return s;
}

struct db_stmt *logged_models_sql_tags(struct db *db, const char *id) {
        return by_id(db, STMT_tags, id);
}

struct db_stmt *logged_models_sql_params(struct db *db, const char *id) {
        return by_id(db, STMT_params, id);
}

struct db_stmt *logged_models_sql_metrics(struct db *db, const char *id) {
        return by_id(db, STMT_metrics, id);
}
