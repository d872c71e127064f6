/* webhooks_sql.h: the rows of webhooks and of their queue. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

extern const struct db_set webhooks_sql_set;

struct webhook {
        const char *id, *name, *url;
        const char *description; /* NULL: none */
        const char *status;      /* "ACTIVE" or "DISABLED" */
        const char *secret;      /* sealed (auth_seal.h); NULL: none */
        int64_t created_at_ms, updated_at_ms;
};

/* What waits to be told. */
struct webhook_delivery {
        const char *id, *webhook_id, *body, *url, *secret;
        int64_t attempts;
};

int webhooks_sql_read(struct db_stmt *s, struct arena *a, struct webhook *ret);
/* 0, REFUSED or -errno. */
int webhooks_sql_need(struct db *db, struct refusal *r, const char *id, struct webhook *ret);
struct db_stmt *webhooks_sql_list(struct db *db, int64_t limit, int64_t offset);
int webhooks_sql_insert(struct db *db, const struct webhook *w);
int webhooks_sql_update(struct db *db, const struct webhook *w);
/* What waits to be told is forgotten. */
int webhooks_sql_delete(struct db *db, const char *id, int64_t now_ms);
/* entity, action. */
struct db_stmt *webhooks_sql_events(struct db *db, const char *id);
/* DB_CONFLICT: it is there already. */
int webhooks_sql_event_insert(struct db *db, const char *id, const char *entity,
                              const char *action);
int webhooks_sql_events_delete(struct db *db, const char *id);
/* The ids of those that an event is told to. */
struct db_stmt *webhooks_sql_subscribed(struct db *db, const char *entity, const char *action);

int webhooks_sql_queue(struct db *db, const char *delivery_id, const char *webhook_id,
                       const char *body, int64_t now_ms);
/* Some that are due: for webhooks_sql_read_delivery(). */
struct db_stmt *webhooks_sql_due(struct db *db, int64_t now_ms);
int webhooks_sql_read_delivery(struct db_stmt *s, struct arena *a, struct webhook_delivery *ret);
/* When the next one is due; INT64_MAX: none is. */
int webhooks_sql_next(struct db *db, int64_t *ret_at_ms);
int webhooks_sql_later(struct db *db, const char *delivery_id, int64_t due_at_ms);
int webhooks_sql_done(struct db *db, const char *delivery_id);
