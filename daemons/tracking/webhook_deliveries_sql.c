#include "daemons/tracking/webhook_deliveries_sql.h"

#include <errno.h>
#include <stdio.h>

#define DB_SET webhook_deliveries_sql
#define DB_SET_ROWS "daemons/tracking/webhook_deliveries_sql.def"
#include "lib/db/db_set.h"

int webhook_deliveries_sql_insert(struct db *db, const struct webhook_told *d) {
        char message[WEBHOOK_DELIVERIES_SQL_MESSAGE + 1];
        DB_USE struct db_stmt *s = use(db, STMT_insert);

        /* Messages are ASCII: the cut goes through no character. */
        (void) snprintf(message, sizeof(message), "%s", d->message);
        db_bind_all(s, d->webhook_id, d->id, d->entity, d->action, (int64_t) d->is_test,
                    d->queued_at_ms, d->due_at_ms, (const char *) message);
        return db_run(s);
}

static int trim(struct db *db, const char *webhook_id) {
        DB_USE struct db_stmt *s = use(db, STMT_trim);

        db_bind_all(s, webhook_id, webhook_id);
        return db_run(s);
}

int webhook_deliveries_sql_told(struct db *db, const struct webhook_told *d) {
        DB_USE struct db_stmt *s = use(db, STMT_told);
        int r;

        db_bind_all(s, d->told_at_ms, d->status, d->error, d->due_at_ms, d->webhook_id, d->id);
        r = db_run(s);
        return r < 0 ? r : trim(db, d->webhook_id);
}

struct db_stmt *webhook_deliveries_sql_list(struct db *db, const char *webhook_id) {
        struct db_stmt *s = use(db, STMT_list);

        db_bind_all(s, webhook_id);
        return s;
}

int webhook_deliveries_sql_read(struct db_stmt *s, struct arena *a, struct webhook_told *ret) {
        bool oom = false;
        struct webhook_told d = {
                .id = db_col_dup(s, 0, a, &oom),
                .entity = db_col_dup(s, 1, a, &oom),
                .action = db_col_dup(s, 2, a, &oom),
                .is_test = db_col_i64(s, 3) != 0,
                .queued_at_ms = db_col_i64(s, 4),
                .attempts = db_col_i64(s, 5),
                .told_at_ms = db_col_i64(s, 6),
                .status = db_col_i64(s, 7),
                .error = db_col_dup(s, 8, a, &oom),
                .due_at_ms = db_col_i64(s, 9),
                .message = db_col_dup(s, 10, a, &oom),
        };

        if (oom)
                return -ENOMEM;
        *ret = d;
        return 0;
}

int webhook_deliveries_sql_forget(struct db *db, const char *webhook_id) {
        DB_USE struct db_stmt *s = use(db, STMT_forget);

        db_bind_all(s, webhook_id);
        return db_run(s);
}
