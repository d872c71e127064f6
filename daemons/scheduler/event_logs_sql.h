/* event_logs_sql.h: the table event_logs: what people and their programs changed. Threads: the
 * connection's. */
#pragma once

#include "lib/base/macros.h"
#include "lib/db/db.h"

extern const struct db_set event_logs_sql_set;

#define EVENT_LOGS_COLUMNS \
        "id, at, event, dag_id, run_id, task_id, map_index, try_number, owner, extra"

/* Strings may be NULL, but for `event`. */
struct event_logs_sql_row {
        usec_t at;
        const char *event, *dag_id, *run_id, *task_id, *owner, *extra;
        int map_index;      /* -1: none */
        int64_t try_number; /* 0: none */
};

int event_logs_sql_insert(struct db *db, const struct event_logs_sql_row *row);

/* At most 1000 of the oldest that are from before then go. */
int event_logs_sql_expire(struct db *db, usec_t before_at);

struct arena;
/* The extra text of the latest event of that name about a task; "" when it has none. 0; 1: none. */
int event_logs_sql_last(struct db *db, const char *event, const char *dag_id, const char *run_id,
                        const char *task_id, struct arena *a, const char **ret);
