#include "daemons/tracking/webhooks_sql.h"

#include <errno.h>

#include "daemons/tracking/webhook_deliveries_sql.h"

#define DB_SET webhooks_sql
#define DB_SET_ROWS "daemons/tracking/webhooks_sql.def"
#include "lib/db/db_set.h"

int webhooks_sql_read(struct db_stmt *s, struct arena *a, struct webhook *ret) {
        bool oom = false;
        struct webhook w = {
                .id = db_col_dup(s, 0, a, &oom),
                .name = db_col_dup(s, 1, a, &oom),
                .description = db_col_dup(s, 2, a, &oom),
                .url = db_col_dup(s, 3, a, &oom),
                .status = db_col_dup(s, 4, a, &oom),
                .secret = db_col_dup(s, 5, a, &oom),
                .created_at_ms = db_col_i64(s, 6),
                .updated_at_ms = db_col_i64(s, 7),
        };

        if (oom)
                return -ENOMEM;
        *ret = w;
        return 0;
}

int webhooks_sql_need(struct db *db, struct refusal *r, const char *id, struct webhook *ret) {
        DB_USE struct db_stmt *s = use(db, STMT_get);
        int x;

        db_bind_all(s, id);
        x = refusal_row(r, db_step(s), "Webhook with ID %s not found.", id);
        return x != 0 ? x : webhooks_sql_read(s, r->arena, ret);
}

struct db_stmt *webhooks_sql_list(struct db *db, int64_t limit, int64_t offset) {
        struct db_stmt *s = use(db, STMT_list);

        db_bind_all(s, limit, offset);
        return s;
}

int webhooks_sql_insert(struct db *db, const struct webhook *w) {
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        db_bind_all(s, w->id, w->name, w->description, w->url, w->status, w->secret,
                    w->created_at_ms, w->updated_at_ms);
        return db_run(s);
}

int webhooks_sql_update(struct db *db, const struct webhook *w) {
        DB_USE struct db_stmt *s = use(db, STMT_update);

        db_bind_all(s, w->name, w->description, w->url, w->status, w->secret, w->updated_at_ms,
                    w->id);
        return db_run(s);
}

static int forget(struct db *db, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_queue_forget);

        db_bind_all(s, id);
        return db_run(s);
}

int webhooks_sql_delete(struct db *db, const char *id, int64_t now_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_delete);
        int r;

        db_bind_all(s, now_ms, now_ms, id);
        r = db_run(s);
        if (r == 0)
                r = webhook_deliveries_sql_forget(db, id);
        return r < 0 ? r : forget(db, id);
}

struct db_stmt *webhooks_sql_events(struct db *db, const char *id) {
        struct db_stmt *s = use(db, STMT_events);

        db_bind_all(s, id);
        return s;
}

int webhooks_sql_event_insert(struct db *db, const char *id, const char *entity,
                              const char *action) {
        DB_USE struct db_stmt *s = use(db, STMT_event_insert);

        db_bind_all(s, id, entity, action);
        return db_run(s);
}

int webhooks_sql_events_delete(struct db *db, const char *id) {
        DB_USE struct db_stmt *s = use(db, STMT_events_delete);

        db_bind_all(s, id);
        return db_run(s);
}

struct db_stmt *webhooks_sql_subscribed(struct db *db, const char *entity, const char *action) {
        struct db_stmt *s = use(db, STMT_subscribed);

        db_bind_all(s, entity, action);
        return s;
}

int webhooks_sql_queue(struct db *db, const char *delivery_id, const char *webhook_id,
                       const char *body, int64_t now_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_queue_insert);

        db_bind_all(s, delivery_id, webhook_id, body, now_ms);
        return db_run(s);
}

struct db_stmt *webhooks_sql_due(struct db *db, int64_t now_ms) {
        struct db_stmt *s = use(db, STMT_queue_due);

        db_bind_all(s, now_ms);
        return s;
}

int webhooks_sql_read_delivery(struct db_stmt *s, struct arena *a, struct webhook_delivery *ret) {
        bool oom = false;
        struct webhook_delivery d = {
                .id = db_col_dup(s, 0, a, &oom),
                .body = db_col_dup(s, 1, a, &oom),
                .attempts = db_col_i64(s, 2),
                .url = db_col_dup(s, 3, a, &oom),
                .secret = db_col_dup(s, 4, a, &oom),
                .webhook_id = db_col_dup(s, 5, a, &oom),
        };

        if (oom)
                return -ENOMEM;
        *ret = d;
        return 0;
}

int webhooks_sql_next(struct db *db, int64_t *ret_at_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_queue_next);
        int r = db_step(s);

        *ret_at_ms = r == DB_ROW && !db_col_is_null(s, 0) ? db_col_i64(s, 0) : INT64_MAX;
        return r < 0 ? r : 0;
}

int webhooks_sql_later(struct db *db, const char *delivery_id, int64_t due_at_ms) {
        DB_USE struct db_stmt *s = use(db, STMT_queue_later);

        db_bind_all(s, due_at_ms, delivery_id);
        return db_run(s);
}

int webhooks_sql_done(struct db *db, const char *delivery_id) {
        DB_USE struct db_stmt *s = use(db, STMT_queue_delete);

        db_bind_all(s, delivery_id);
        return db_run(s);
}
