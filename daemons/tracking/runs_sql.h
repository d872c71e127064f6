/* runs_sql.h: the rows of runs. */
#pragma once

#include "daemons/tracking/refusal.h"
#include "lib/db/db.h"

extern const struct db_set runs_sql_set;

struct run {
        const char *id, *name, *user_id, *status, *artifact_uri; /* "" when NULL */
        int64_t experiment_id;
        int64_t start_at_ms, end_at_ms; /* 0: not known, not ended */
        bool is_active;
};

/* RUNNING, SCHEDULED, FINISHED, FAILED, KILLED by their numbers 1 … 5; [0] is NULL. */
extern const char *const runs_sql_statuses[6];

/* The columns of search statements, in the order runs_sql_read() takes them. */
#define RUNS_SQL_COLUMNS                                                            \
        "runs.run_uuid, runs.name, runs.experiment_id, runs.user_id, runs.status, " \
        "runs.start_time, runs.end_time, runs.lifecycle_stage, runs.artifact_uri"

/* The row that stands in `s`. 0 or -ENOMEM. */
int runs_sql_read(struct db_stmt *s, struct arena *a, struct run *ret);

enum { RUNS_SQL_ABSENT = 1 };

/* 0 with *ret, RUNS_SQL_ABSENT, or -errno. */
int runs_sql_get(struct db *db, struct arena *a, const char *id, struct run *ret);
/* 0 with *ret, REFUSED "Run with id=… not found", or -errno. */
int runs_sql_need(struct db *db, struct refusal *r, const char *id, struct run *ret);
/* The same for writers, without reading the row: the run must be there and active.
 * ret_experiment_id may be NULL. */
int runs_sql_need_active(struct db *db, struct refusal *r, const char *id,
                         int64_t *ret_experiment_id);
/* REFUSED unless the run is active. */
int runs_sql_check_active(struct refusal *r, const struct run *run);

/* All: 0 or -errno. */

int runs_sql_insert(struct db *db, const struct run *run);
int runs_sql_set_status(struct db *db, const char *id, const char *status);
int runs_sql_set_end(struct db *db, const char *id, int64_t end_at_ms);
int runs_sql_set_name(struct db *db, const char *id, const char *name);
/* Deletes (keeping the row) or restores. */
int runs_sql_set_active(struct db *db, const char *id, bool active, int64_t now_ms);
/* Ends the runs of a try that are still open; *ret_n of them. */
int runs_sql_close_of_try(struct db *db, const char *try_id, const char *status, int64_t now_ms,
                          int64_t *ret_n);
