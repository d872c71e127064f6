/* backfills_sql.h: the table backfills. Threads: the connection's. */
#pragma once

#include "lib/base/macros.h"
#include "lib/db/db.h"

struct arena;

extern const struct db_set backfills_sql_set;

#define BACKFILLS_COLUMNS                                                                       \
        "id, dag_id, from_at, to_at, conf, is_paused, reprocess, max_active_runs, created_at, " \
        "updated_at, completed_at"

struct backfills_sql_row {
        int64_t id;
        const char *dag_id, *conf, *reprocess;                       /* conf: or NULL */
        usec_t from_at, to_at, created_at, updated_at, completed_at; /* USEC_INFINITY: not yet */
        bool is_paused;
        unsigned max_active_runs;
};

int backfills_sql_insert(struct db *db, const struct backfills_sql_row *row, const char *by,
                         int64_t *ret_id);
/* The row a statement over BACKFILLS_COLUMNS stands on. */
int backfills_sql_read(struct db_stmt *s, struct arena *a, struct backfills_sql_row *ret);
/* 0, or 1 when there is none. */
int backfills_sql_get(struct db *db, int64_t id, struct arena *a, struct backfills_sql_row *ret);
/* Those that are not completed. */
int backfills_sql_open(struct db *db, struct arena *a,
                       int (*each)(void *ctx, const struct backfills_sql_row *row), void *ctx);
int backfills_sql_set_paused(struct db *db, int64_t id, bool paused, usec_t now);
int backfills_sql_complete(struct db *db, int64_t id, usec_t now);
/* A run that was there before becomes one of the backfill's. */
int backfills_sql_adopt(struct db *db, int64_t id, int64_t dag_run, bool ignores_past);
