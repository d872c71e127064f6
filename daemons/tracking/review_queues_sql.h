/* review_queues_sql.h: the rows of review queues, of their users, questions and items. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

extern const struct db_set review_queues_sql_set;

struct review_queue {
        const char *id, *name;
        const char *type;       /* "user", "custom" */
        const char *created_by; /* NULL: nobody known */
        int64_t experiment_id;
        int64_t created_at_ms, updated_at_ms;
};

struct review_item {
        const char *queue_id, *type, *id;
        const char *status;       /* "pending", "complete", "declined" */
        const char *completed_by; /* NULL while pending */
        int64_t completed_at_ms;  /* 0 while pending */
        int64_t created_at_ms, updated_at_ms;
};

/* The row `s` stands on. 0 or -ENOMEM. */
int review_queues_sql_read(struct db_stmt *s, struct arena *a, struct review_queue *ret);
int review_queues_sql_read_item(struct db_stmt *s, struct arena *a, struct review_item *ret);

/* All: DB_ROW, DB_DONE or -errno. */
int review_queues_sql_get(struct db *db, struct arena *a, const char *id, struct review_queue *ret);
int review_queues_sql_by_name(struct db *db, struct arena *a, int64_t experiment_id,
                              const char *name_key, struct review_queue *ret);
int review_queues_sql_item(struct db *db, struct arena *a, const char *id, const char *item_id,
                           struct review_item *ret);
int review_queues_sql_has_items(struct db *db, const char *id);
int review_queues_sql_has_user(struct db *db, const char *id, const char *user);

/* Those with this user and item, "" for any; the newest first. */
struct db_stmt *review_queues_sql_list(struct db *db, int64_t experiment_id, const char *user,
                                       const char *item_id, int64_t limit, int64_t offset);
struct db_stmt *review_queues_sql_users(struct db *db, const char *id);
struct db_stmt *review_queues_sql_schemas(struct db *db, const char *id);
/* `status` "": any. */
struct db_stmt *review_queues_sql_items(struct db *db, const char *id, const char *status,
                                        int64_t limit, int64_t offset);

/* All: 0 or -errno; where a name is set: DB_CONFLICT when the experiment has one like it. */
int review_queues_sql_insert(struct db *db, const struct review_queue *q, const char *name_key);
int review_queues_sql_update(struct db *db, const struct review_queue *q, const char *name_key);
/* With all that hangs on it. */
int review_queues_sql_delete(struct db *db, const char *id);
int review_queues_sql_set_users(struct db *db, const char *id, const char *const *users, size_t n);
int review_queues_sql_set_schemas(struct db *db, const char *id, const char *const *ids, size_t n);
/* DB_CONFLICT: it is there. */
int review_queues_sql_item_insert(struct db *db, const struct review_item *x);
int review_queues_sql_item_update(struct db *db, const struct review_item *x);
int review_queues_sql_item_delete(struct db *db, const char *id, const char *item_id);
