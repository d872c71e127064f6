#include "daemons/tracking/registered_models_sql.h"

#include <errno.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/field_check.h"

#define DB_SET registered_models_sql
#define DB_SET_ROWS "daemons/tracking/registered_models_sql.def"
#include "lib/db/db_set.h"

int registered_models_sql_read(struct db_stmt *s, struct arena *a, struct registered_model *ret) {
        bool oom = false;
        struct registered_model m = {
                .name = db_col_dup(s, 0, a, &oom),
                .created_at_ms = db_col_i64(s, 1),
                .updated_at_ms = db_col_i64(s, 2),
                .description = db_col_dup(s, 3, a, &oom),
        };

        if (oom)
                return -ENOMEM;
        if (!m.description)
                m.description = "";
        *ret = m;
        return 0;
}

const char *registered_models_sql_access_type(struct db *db, const char *name) {
        return registered_models_sql_tag_has(db, name, REGISTERED_MODELS_SQL_PROMPT) == DB_ROW
                       ? ACCESS_PROMPT
                       : ACCESS_MODEL;
}

int registered_models_sql_check_access(struct db *db, struct refusal *r, const char *name) {
        return r->access ? access_check(r, registered_models_sql_access_type(db, name), name) : 0;
}

int registered_models_sql_need(struct db *db, struct refusal *r, const char *name,
                               struct registered_model *ret) {
        DB_USE struct db_stmt *s = NULL;
        int x = field_check_model_name(r, name);

        if (x == 0)
                x = registered_models_sql_check_access(db, r, name);
        if (x != 0)
                return x;
        s = use(db, STMT_get);
        db_bind_all(s, name);
        x = refusal_row(r, db_step(s), "Registered Model with name=%s not found", name);
        return x != 0 ? x : registered_models_sql_read(s, r->arena, ret);
}

int registered_models_sql_insert(struct db *db, const struct registered_model *m) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_all(s, m->name, m->created_at_ms, m->updated_at_ms, m->description);
        return db_run(s);
}

int registered_models_sql_rename(struct db *db, const char *name, const char *new_name,
                                 int64_t now_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_rename);
        DB_USE struct db_stmt *versions = use(db, STMT_touch_versions);
        int r;

        db_bind_all(s, new_name, now_ms, name); /* the rows that refer to it follow */
        r = db_run(s);
        if (r != 0)
                return r;
        db_bind_all(versions, now_ms, new_name);
        return db_run(versions);
}

int registered_models_sql_touch(struct db *db, const char *name, int64_t now_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_touch);

        db_bind_all(s, now_ms, name);
        return db_run(s);
}

int registered_models_sql_set_description(struct db *db, const char *name, const char *description,
                                          int64_t now_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_set_description);

        db_bind_all(s, description, now_ms, name);
        return db_run(s);
}

int registered_models_sql_delete(struct db *db, const char *name) {
        static const size_t in_order[] = {STMT_delete_version_tags, STMT_delete_versions,
                                          STMT_delete_tags, STMT_delete_aliases, STMT_delete};
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(in_order); i++) {
                DB_USE struct db_stmt *s = use(db, in_order[i]);

                db_bind_all(s, name);
                r = db_run(s);
        }
        return r;
}

int registered_models_sql_tag_set(struct db *db, const char *name, const char *key,
                                  const char *value) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_set);

        db_bind_all(s, key, value, name);
        return db_run(s);
}

int registered_models_sql_tag_delete(struct db *db, const char *name, const char *key) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_delete);

        db_bind_all(s, key, name);
        return db_run(s);
}

int registered_models_sql_tag_has(struct db *db, const char *name, const char *key) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_get);

        db_bind_all(s, key, name);
        return db_step(s);
}

int registered_models_sql_alias_set(struct db *db, const char *name, const char *alias,
                                    int64_t version) {
        DB_USE struct db_stmt *s = use(db, STMT_alias_set);

        db_bind_all(s, alias, version, name);
        return db_run(s);
}

int registered_models_sql_alias_delete(struct db *db, const char *name, const char *alias) {
        DB_USE struct db_stmt *s = use(db, STMT_alias_delete);

        db_bind_all(s, name, alias);
        return db_run(s);
}

int registered_models_sql_aliases_delete_of(struct db *db, const char *name, int64_t version) {
        DB_USE struct db_stmt *s = use(db, STMT_aliases_delete_of);

        db_bind_all(s, name, version);
        return db_run(s);
}

int registered_models_sql_alias_get(struct db *db, const char *name, const char *alias,
                                    int64_t *ret_version) {
        DB_USE struct db_stmt *s = use(db, STMT_alias_get);
        int r;

        db_bind_all(s, name, alias);
        r = db_step(s);
        if (r == DB_ROW)
                *ret_version = db_col_i64(s, 0);
        return r;
}

static struct db_stmt *by_name(struct db *db, size_t row, const char *name) {
        struct db_stmt *s = use(db, row);

        db_bind_all(s, name);
        return s;
}

struct db_stmt *registered_models_sql_tags(struct db *db, const char *name) {
        return by_name(db, STMT_tags, name);
}

struct db_stmt *registered_models_sql_aliases(struct db *db, const char *name) {
        return by_name(db, STMT_aliases, name);
}

struct db_stmt *registered_models_sql_aliases_of(struct db *db, const char *name, int64_t version) {
        struct db_stmt *s = use(db, STMT_aliases_of);

        db_bind_all(s, name, version);
        return s;
}
