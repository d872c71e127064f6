#include "daemons/tracking/model_versions_sql.h"

#include <errno.h>

#include "daemons/tracking/field_check.h"
#include "daemons/tracking/registered_models_sql.h"

#define DB_SET model_versions_sql
#define DB_SET_ROWS "daemons/tracking/model_versions_sql.def"
#include "lib/db/db_set.h"

int model_versions_sql_read(struct db_stmt *s, struct arena *a, struct model_version *ret) {
        bool oom = false;
        struct model_version m = {
                .name = db_col_dup(s, 0, a, &oom),
                .version = db_col_i64(s, 1),
                .created_at_ms = db_col_i64(s, 2),
                .updated_at_ms = db_col_i64(s, 3),
                .description = db_col_dup(s, 4, a, &oom),
                .user_id = db_col_dup(s, 5, a, &oom),
                .stage = db_col_dup(s, 6, a, &oom),
                .source = db_col_dup(s, 7, a, &oom),
                .run_id = db_col_dup(s, 8, a, &oom),
                .status = db_col_dup(s, 9, a, &oom),
                .status_message = db_col_dup(s, 10, a, &oom),
                .run_link = db_col_dup(s, 11, a, &oom),
                .storage_location = db_col_dup(s, 12, a, &oom),
        };

        if (oom)
                return -ENOMEM;
        *ret = m;
        return 0;
}

int model_versions_sql_get(struct db *db, struct arena *a, const char *name, int64_t version,
                           struct model_version *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        int r;

        db_bind_all(s, name, version);
        r = db_step(s);
        if (r != DB_ROW)
                return r;
        r = model_versions_sql_read(s, a, ret);
        return r < 0 ? r : DB_ROW;
}

int model_versions_sql_need(struct db *db, struct refusal *r, const char *name, const char *version,
                            struct model_version *ret) {
        int64_t number;
        int x = field_check_model_name(r, name);

        if (x == 0)
                x = field_check_model_version(r, version, &number);
        if (x == 0)
                x = registered_models_sql_check_access(db, r, name);
        if (x != 0)
                return x;
        return refusal_row(r, model_versions_sql_get(db, r->arena, name, number, ret),
                           "Model Version (name=%s, version=%s) not found", name, version);
}

int model_versions_sql_insert(struct db *db, struct model_version *m) {
        DB_USE struct db_stmt *max = use(db, STMT_max);
        DB_USE struct db_stmt *s = use(db, STMT_insert);
        int r;

        db_bind_all(max, m->name);
        r = db_step(max);
        if (r != DB_ROW)
                return r < 0 ? r : -EIO;
        m->version = db_col_i64(max, 0) + 1;
        db_bind_all(s, m->name, m->version, m->created_at_ms, m->updated_at_ms, m->description,
                    m->source, m->run_id, m->run_link, m->storage_location);
        r = db_run(s);
        return r == DB_CONFLICT ? -EEXIST : r;
}

int model_versions_sql_latest(struct db *db, const char *name, bool by_stage,
                              int64_t ret_versions[MODEL_VERSIONS_SQL_STAGES], size_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, by_stage ? STMT_latest_by_stage : STMT_latest);
        size_t n = 0;
        int r;

        db_bind_all(s, name);
        while ((r = db_step(s)) == DB_ROW)
                if (n < MODEL_VERSIONS_SQL_STAGES)
                        ret_versions[n++] = db_col_i64(s, 0);
        *ret_n = n;
        return r;
}

int model_versions_sql_set_description(struct db *db, const char *name, int64_t version,
                                       const char *description, int64_t now_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_set_description);

        db_bind_all(s, description, now_ms, name, version);
        return db_run(s);
}

int model_versions_sql_set_stage(struct db *db, const char *name, int64_t version,
                                 const char *stage, int64_t now_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_set_stage);

        db_bind_all(s, stage, now_ms, name, version);
        return db_run(s);
}

int model_versions_sql_archive_others(struct db *db, const char *name, int64_t version,
                                      const char *stage, int64_t now_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_archive_others);

        db_bind_all(s, now_ms, name, stage, version);
        return db_run(s);
}

int model_versions_sql_delete(struct db *db, const char *name, int64_t version, int64_t now_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_redact);

        db_bind_all(s, now_ms, name, version);
        return db_run(s);
}

int model_versions_sql_tag_set(struct db *db, const char *name, int64_t version, const char *key,
                               const char *value) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_set);

        db_bind_all(s, key, value, name, version);
        return db_run(s);
}

int model_versions_sql_tag_delete(struct db *db, const char *name, int64_t version,
                                  const char *key) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_delete);

        db_bind_all(s, key, name, version);
        return db_run(s);
}

struct db_stmt *model_versions_sql_tags(struct db *db, const char *name, int64_t version) {
        struct db_stmt *s = use(db, STMT_tags);

        db_bind_all(s, name, version);
        return s;
}
