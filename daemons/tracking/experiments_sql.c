#include "daemons/tracking/experiments_sql.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/artifact_uri.h"
#include "daemons/tracking/field_check.h"
#include "lib/base/str.h"

#define DB_SET experiments_sql
#define DB_SET_ROWS "daemons/tracking/experiments_sql.def"
#include "lib/db/db_set.h"

int experiments_sql_read(struct db_stmt *s, struct arena *a, struct experiment *ret) {
        bool oom = false;
        struct experiment e = {
                .id = db_col_i64(s, 0),
                .name = db_col_dup(s, 1, a, &oom),
                .artifact_location = db_col_dup(s, 2, a, &oom),
                .is_active = str_eq(db_col_text(s, 3), "active"),
                .created_at_ms = db_col_i64(s, 4),
                .updated_at_ms = db_col_i64(s, 5),
        };

        if (oom)
                return -ENOMEM;
        if (!e.name)
                e.name = "";
        if (!e.artifact_location)
                e.artifact_location = "";
        *ret = e;
        return 0;
}

static int read_one(struct db_stmt *s, struct arena *a, struct experiment *ret) {
        int r = db_step(s);

        if (r == DB_ROW) {
                r = experiments_sql_read(s, a, ret);
                r = r < 0 ? r : DB_ROW;
        }
        db_reset(s);
        return r;
}

int experiments_sql_get(struct db *db, struct arena *a, int64_t id, struct experiment *ret) {
        struct db_stmt *s = use(db, STMT_get);

        db_bind_all(s, id);
        return read_one(s, a, ret);
}

int experiments_sql_get_by_name(struct db *db, struct arena *a, const char *name,
                                struct experiment *ret) {
        struct db_stmt *s = use(db, STMT_get_by_name);

        db_bind_all(s, name);
        return read_one(s, a, ret);
}

int experiments_sql_need(struct db *db, struct refusal *r, const char *id,
                         enum experiments_sql_stage stage, struct experiment *ret) {
        int64_t number = 0;
        int x = str_empty(id) ? 0 : field_check_experiment_id(r, id, &number);

        if (x == 0)
                x = access_check_experiment(r, number);
        if (x != 0)
                return x;
        x = experiments_sql_get(db, r->arena, number, ret);
        if (x < 0)
                return x;
        if (x == DB_ROW &&
            (stage == EXPERIMENTS_SQL_ANY || ret->is_active == (stage == EXPERIMENTS_SQL_ACTIVE)))
                return 0;
        return refusal_set(r, REFUSAL_RESOURCE_DOES_NOT_EXIST,
                           "No Experiment with id=%" PRId64 " exists", number);
}

int experiments_sql_need_active(struct refusal *r, const struct experiment *e) {
        if (e->is_active)
                return 0;
        return refusal_invalid(r,
                               "The experiment %" PRId64 " must be in the 'active' state. Current "
                               "state is deleted.",
                               e->id);
}

int experiments_sql_insert(struct db *db, const char *name, const char *location, int64_t now_ms,
                           int64_t *ret_id) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);
        int r;

        db_bind_all(s, name, location, now_ms, now_ms);
        r = db_run(s);
        if (r == DB_DONE)
                *ret_id = db_last_id(db);
        return r;
}

static int set_location(struct db *db, int64_t id, const char *location) {
        DB_USE struct db_stmt *s = use(db, STMT_set_location);

        db_bind_all(s, location, id);
        return db_run(s);
}

int experiments_sql_make(struct db *db, struct arena *a, const char *name, const char *root,
                         int64_t now_ms, struct experiment *ret) {
        char text[24];
        int r;

        *ret = (struct experiment){.is_active = true};
        r = experiments_sql_insert(db, name, NULL, now_ms, &ret->id);
        if (r != 0)
                return r;
        snprintf(text, sizeof(text), "%" PRId64, ret->id);
        ret->artifact_location = artifact_uri_append(a, root, text);
        return ret->artifact_location ? set_location(db, ret->id, ret->artifact_location) : -ENOMEM;
}

int experiments_sql_rename(struct db *db, int64_t id, const char *name, int64_t now_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_rename);

        db_bind_all(s, name, now_ms, id);
        return db_run(s);
}

int experiments_sql_set_active(struct db *db, int64_t id, bool active, int64_t now_ms) {
        const char *stage = active ? "active" : "deleted";
        DB_USE struct db_stmt *s = use(db, STMT_set_stage);
        DB_USE struct db_stmt *of_runs = use(db, STMT_set_stage_of_runs);
        int r;

        db_bind_all(s, stage, now_ms, id);
        r = db_run(s);
        if (r != 0)
                return r;
        db_bind_all(of_runs, stage, now_ms, id);
        if (active)
                db_bind_null(of_runs, 2);
        return db_run(of_runs);
}

int experiments_sql_tag_set(struct db *db, int64_t id, const char *key, const char *value) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_set);

        db_bind_all(s, key, value, id);
        return db_run(s);
}

int experiments_sql_tag_delete(struct db *db, int64_t id, const char *key, int64_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_delete);
        int r;

        db_bind_all(s, key, id);
        r = db_run(s);
        *ret_n = r == 0 ? db_changes(db) : 0;
        return r;
}

int experiments_sql_tag_has(struct db *db, int64_t id, const char *key) {
        DB_USE struct db_stmt *s = use(db, STMT_tag_get);

        db_bind_all(s, key, id);
        return db_step(s);
}

int experiments_sql_tags_count(struct db *db, int64_t id, const char *prefix, int64_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, STMT_tags_like);
        int r;

        db_bind_all(s, id, strlen(prefix), prefix);
        r = db_step(s);
        *ret_n = r == DB_ROW ? db_col_i64(s, 0) : 0;
        return r < 0 ? r : 0;
}

int experiments_sql_active_ids(struct db *db, struct arena *a, const struct access *access,
                               size_t max, const int64_t **ret, size_t *ret_n) {
        DB_USE struct db_stmt *s = use(db, STMT_active_ids);
        int64_t *ids = arena_zalloc_array(a, max + 1, sizeof(*ids));
        size_t n = 0;
        int r;

        if (!ids)
                return -ENOMEM;
        db_bind_all(s, (int64_t) max);
        while ((r = db_step(s)) == DB_ROW)
                ids[n++] = db_col_i64(s, 0);
        if (r < 0)
                return r;
        *ret = ids;
        *ret_n = access_keep_readable(access, ids, n);
        return 0;
}

struct db_stmt *experiments_sql_tags(struct db *db, int64_t id) {
        struct db_stmt *s = use(db, STMT_tags);

        db_bind_all(s, id);
        return s;
}
