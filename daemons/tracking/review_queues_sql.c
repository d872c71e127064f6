#include "daemons/tracking/review_queues_sql.h"

#include <errno.h>

#define DB_SET review_queues_sql
#define DB_SET_ROWS "daemons/tracking/review_queues_sql.def"
#include "lib/db/db_set.h"

/* The statement of a row with one or two texts bound. */
static struct db_stmt *use_by(struct db *db, size_t row, const char *id, const char *other) {
        struct db_stmt *s = use(db, row);

        db_bind_text(s, 1, id);
        if (other)
                db_bind_text(s, 2, other);
        return s;
}

static int run_by(struct db *db, size_t row, const char *id, const char *other) {
        DB_USE struct db_stmt *s = use_by(db, row, id, other);

        return db_run(s);
}

static int has(struct db *db, size_t row, const char *id, const char *other) {
        DB_USE struct db_stmt *s = use_by(db, row, id, other);

        return db_step(s);
}

int review_queues_sql_read(struct db_stmt *s, struct arena *a, struct review_queue *ret) {
        bool oom = false;
        struct review_queue q = {
                .id = db_col_dup(s, 0, a, &oom),
                .experiment_id = db_col_i64(s, 1),
                .name = db_col_dup(s, 2, a, &oom),
                .type = db_col_dup(s, 3, a, &oom),
                .created_by = db_col_dup(s, 4, a, &oom),
                .created_at_ms = db_col_i64(s, 5),
                .updated_at_ms = db_col_i64(s, 6),
        };

        if (oom)
                return -ENOMEM;
        *ret = q;
        return 0;
}

int review_queues_sql_read_item(struct db_stmt *s, struct arena *a, struct review_item *ret) {
        bool oom = false;
        struct review_item x = {
                .queue_id = db_col_dup(s, 0, a, &oom),
                .type = db_col_dup(s, 1, a, &oom),
                .id = db_col_dup(s, 2, a, &oom),
                .status = db_col_dup(s, 3, a, &oom),
                .completed_by = db_col_dup(s, 4, a, &oom),
                .completed_at_ms = db_col_i64(s, 5),
                .created_at_ms = db_col_i64(s, 6),
                .updated_at_ms = db_col_i64(s, 7),
        };

        if (oom)
                return -ENOMEM;
        *ret = x;
        return 0;
}

static int first(struct db_stmt *s, struct arena *a, struct review_queue *ret) {
        int r = db_step(s);

        if (r != DB_ROW)
                return r;
        r = review_queues_sql_read(s, a, ret);
        return r < 0 ? r : DB_ROW;
}

int review_queues_sql_get(struct db *db, struct arena *a, const char *id,
                          struct review_queue *ret) {
        DB_USE struct db_stmt *s = use_by(db, STMT_get, id, NULL);

        return first(s, a, ret);
}

int review_queues_sql_by_name(struct db *db, struct arena *a, int64_t experiment_id,
                              const char *name_key, struct review_queue *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_by_name);

        db_bind_all(s, experiment_id, name_key);
        return first(s, a, ret);
}

int review_queues_sql_item(struct db *db, struct arena *a, const char *id, const char *item_id,
                           struct review_item *ret) {
        DB_USE struct db_stmt *s = use_by(db, STMT_item_get, id, item_id);
        int r = db_step(s);

        if (r != DB_ROW)
                return r;
        r = review_queues_sql_read_item(s, a, ret);
        return r < 0 ? r : DB_ROW;
}

int review_queues_sql_has_items(struct db *db, const char *id) {
        return has(db, STMT_item_any, id, NULL);
}

int review_queues_sql_has_user(struct db *db, const char *id, const char *user) {
        return has(db, STMT_user_has, id, user);
}

struct db_stmt *review_queues_sql_list(struct db *db, int64_t experiment_id, const char *user,
                                       const char *item_id, int64_t limit, int64_t offset) {
        struct db_stmt *s = use(db, STMT_list);

        db_bind_all(s, experiment_id, user, user, item_id, item_id, limit, offset);
        return s;
}

struct db_stmt *review_queues_sql_users(struct db *db, const char *id) {
        return use_by(db, STMT_users, id, NULL);
}

struct db_stmt *review_queues_sql_schemas(struct db *db, const char *id) {
        return use_by(db, STMT_schemas, id, NULL);
}

struct db_stmt *review_queues_sql_items(struct db *db, const char *id, const char *status,
                                        int64_t limit, int64_t offset) {
        struct db_stmt *s = use(db, STMT_items);

        db_bind_all(s, id, status, status, limit, offset);
        return s;
}

int review_queues_sql_insert(struct db *db, const struct review_queue *q, const char *name_key) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_all(s, q->id, q->experiment_id, q->name, name_key, q->type, q->created_by,
                    q->created_at_ms, q->updated_at_ms);
        return db_run(s);
}

int review_queues_sql_update(struct db *db, const struct review_queue *q, const char *name_key) {
        DB_USE struct db_stmt *s = use(db, STMT_update);

        db_bind_all(s, q->name, name_key, q->created_by, q->updated_at_ms, q->id);
        return db_run(s);
}

int review_queues_sql_delete(struct db *db, const char *id) {
        static const size_t children[] = {STMT_users_delete, STMT_items_delete, STMT_schemas_delete,
                                          STMT_delete};
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(children); i++)
                r = run_by(db, children[i], id, NULL);
        return r;
}

static int replace(struct db *db, size_t del, size_t insert, const char *id,
                   const char *const *list, size_t n) {
        int r = run_by(db, del, id, NULL);

        for (size_t i = 0; r == 0 && i < n; i++)
                r = run_by(db, insert, id, list[i]);
        return r;
}

int review_queues_sql_set_users(struct db *db, const char *id, const char *const *users, size_t n) {
        return replace(db, STMT_users_delete, STMT_user_insert, id, users, n);
}

int review_queues_sql_set_schemas(struct db *db, const char *id, const char *const *ids, size_t n) {
        return replace(db, STMT_schemas_delete, STMT_schema_insert, id, ids, n);
}

int review_queues_sql_item_insert(struct db *db, const struct review_item *x) {
        DB_USE struct db_stmt *s = use(db, STMT_item_insert);

        db_bind_all(s, x->queue_id, x->type, x->id, x->status, x->completed_by);
        if (x->completed_by)
                db_bind_i64(s, 6, x->completed_at_ms);
        db_bind_i64(s, 7, x->created_at_ms);
        db_bind_i64(s, 8, x->updated_at_ms);
        return db_run(s);
}

int review_queues_sql_item_update(struct db *db, const struct review_item *x) {
        DB_USE struct db_stmt *s = use(db, STMT_item_update);

        db_bind_all(s, x->status, x->completed_by);
        if (x->completed_by)
                db_bind_i64(s, 3, x->completed_at_ms);
        db_bind_i64(s, 4, x->updated_at_ms);
        db_bind_text(s, 5, x->queue_id);
        db_bind_text(s, 6, x->id);
        return db_run(s);
}

int review_queues_sql_item_delete(struct db *db, const char *id, const char *item_id) {
        return run_by(db, STMT_item_delete, id, item_id);
}
