/* webhook_deliveries_sql.h: what each webhook was told, when, and what it answered: the last 100 of
 * each webhook, beside the queue (webhooks_sql.h), which knows only what is still to be told. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

extern const struct db_set webhook_deliveries_sql_set;

enum {
        WEBHOOK_DELIVERIES_SQL_TEXT = 400,     /* bytes of an error that are kept */
        WEBHOOK_DELIVERIES_SQL_MESSAGE = 1900, /* and of what was told */
};

struct webhook_told {
        const char *id, *webhook_id, *entity, *action;
        const char *message; /* its beginning is kept */
        bool is_test;
        int64_t queued_at_ms, attempts;
        int64_t told_at_ms; /* the last attempt; 0: none yet */
        int64_t status;     /* of the answer; 0: there was none */
        const char *error;  /* in words, or NULL */
        int64_t due_at_ms;  /* the next attempt; 0: there is none */
};

/* Its id, webhook, event, message, is_test, queued_at_ms and due_at_ms. */
int webhook_deliveries_sql_insert(struct db *db, const struct webhook_told *d);
/* One attempt more: its told_at_ms, status, error and due_at_ms. The oldest make way. */
int webhook_deliveries_sql_told(struct db *db, const struct webhook_told *d);
/* The newest first: for webhook_deliveries_sql_read(). */
struct db_stmt *webhook_deliveries_sql_list(struct db *db, const char *webhook_id);
int webhook_deliveries_sql_read(struct db_stmt *s, struct arena *a, struct webhook_told *ret);
int webhook_deliveries_sql_forget(struct db *db, const char *webhook_id);
