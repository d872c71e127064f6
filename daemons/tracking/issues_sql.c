#include "daemons/tracking/issues_sql.h"

#include <errno.h>

#include "daemons/tracking/access.h"
#include "daemons/tracking/issues_check.h"

#define DB_SET issues_sql
#define DB_SET_ROWS "daemons/tracking/issues_sql.def"
#include "lib/db/db_set.h"

int issues_sql_read(struct db_stmt *s, struct arena *a, struct issue *ret) {
        bool oom = false;
        struct issue x = {
                .id = db_col_dup(s, 0, a, &oom),
                .experiment_id = db_col_i64(s, 1),
                .name = db_col_dup(s, 2, a, &oom),
                .description = db_col_dup(s, 3, a, &oom),
                .status = db_col_dup(s, 4, a, &oom),
                .severity = db_col_dup(s, 5, a, &oom),
                .root_causes = db_col_dup(s, 6, a, &oom),
                .source_run_id = db_col_dup(s, 7, a, &oom),
                .categories = db_col_dup(s, 8, a, &oom),
                .created_at_ms = db_col_i64(s, 9),
                .updated_at_ms = db_col_i64(s, 10),
                .created_by = db_col_dup(s, 11, a, &oom),
                .seen_at_ms = db_col_i64(s, 12),
                .updated_by = db_col_dup(s, 13, a, &oom),
                .metadata = db_col_dup(s, 14, a, &oom),
        };

        if (oom)
                return -ENOMEM;
        *ret = x;
        return 0;
}

/* To whom not everything is allowed, an issue that is not there looks like one he may not touch. */
static int refuse_absent(struct refusal *r, const char *id) {
        if (r->access)
                return refusal_set(r, REFUSAL_PERMISSION_DENIED, "Permission denied.");
        return refusal_set(r, REFUSAL_RESOURCE_DOES_NOT_EXIST, "Issue with ID '%s' not found", id);
}

int issues_sql_need(struct db *db, struct refusal *r, const char *id, struct issue *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        int x;

        db_bind_all(s, id);
        x = db_step(s);
        if (x == DB_DONE)
                return refuse_absent(r, id);
        x = x == DB_ROW ? issues_sql_read(s, r->arena, ret) : x;
        return x < 0 ? x : access_check_experiment(r, ret->experiment_id);
}

int issues_sql_is_there(struct db *db, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_is_there);

        db_bind_all(s, id);
        return db_step(s);
}

int issues_sql_insert(struct db *db, const struct issue *x) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_all(s, x->id, x->experiment_id, x->name, x->description, x->status, x->severity,
                    x->root_causes, x->source_run_id, x->categories, x->created_at_ms,
                    x->updated_at_ms, x->created_by, x->seen_at_ms, x->updated_by, x->metadata);
        return db_run(s);
}

int issues_sql_update(struct db *db, const struct issue *x) {
        DB_USE struct db_stmt *s = use(db, STMT_update);

        db_bind_all(s, x->name, x->description, x->status, x->severity, x->categories,
                    x->updated_at_ms, x->seen_at_ms, x->updated_by, x->metadata, x->id);
        return db_run(s);
}

static int set_category(struct db *db, const char *id, const char *hash, const char *category) {
        DB_USE struct db_stmt *s = use(db, STMT_set_category);

        db_bind_all(s, id, hash, category);
        return db_run(s);
}

static int delete_categories(struct db *db, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_delete_categories);

        db_bind_all(s, id);
        return db_run(s);
}

int issues_sql_set_categories(struct db *db, struct arena *a, const char *id,
                              const char *const *categories, size_t n) {
        int r = delete_categories(db, id);

        for (size_t i = 0; r == 0 && i < n; i++) {
                const char *hash = issues_check_category_hash(a, categories[i]);

                r = hash ? set_category(db, id, hash, categories[i]) : -ENOMEM;
        }
        return r;
}
