/* dag_runs_sql.h: the table dag_runs. Threads: the connection's. */
#pragma once

#include "daemons/scheduler/core/world.h"
#include "lib/db/db.h"

struct arena;

extern const struct db_set dag_runs_sql_set;

/* The columns of a row, for statements made at run time (lists). */
#define DAG_RUNS_COLUMNS                                                               \
        "id, dag_id, run_id, version, state, run_type, logical_at, start_at, end_at, " \
        "run_after_at, queued_at, started_at, ended_at, conf, note, triggered_by, "    \
        "missed_deadlines, backfill, ignores_past, "                                   \
        "(SELECT v.created_at FROM dag_versions v WHERE v.dag_id = dag_runs.dag_id "   \
        "AND v.version = dag_runs.version)"

/* A row; strings in the reader's arena. */
struct dag_runs_sql_row {
        int64_t id;
        const char *dag_id, *run_id;
        int64_t version;
        enum run_state state;
        enum run_type type;
        struct timetable_run when;
        usec_t queued_at, started_at, ended_at;
        const char *conf, *note, *triggered_by; /* or NULL */
        uint32_t missed_deadlines;
        int64_t backfill; /* 0: none */
        bool ignores_past;
        usec_t version_at; /* when its version of the DAG came */
};

/* -EEXIST: a run of that id is there. */
int dag_runs_sql_insert(struct db *db, const struct world_run *run, int64_t version,
                        const char *triggered_by, const char *note, int64_t *ret_id);
int dag_runs_sql_update(struct db *db, int64_t id, const struct world_run *run);
int dag_runs_sql_set_note(struct db *db, int64_t id, const char *note);

struct dag_runs_sql_old {
        int64_t id;
        const char *dag_id, *run_id;
};

/* At most `limit` runs that ended before `before_at`, oldest first, in `a`; the latest run of each
 * DAG is none of them. */
int dag_runs_sql_old(struct db *db, usec_t before_at, size_t limit, struct arena *a,
                     struct dag_runs_sql_old **ret, size_t *ret_n);
/* The row with its tasks and tries. */
int dag_runs_sql_delete(struct db *db, int64_t id);

/* Reads the row a statement over DAG_RUNS_COLUMNS stands on. */
int dag_runs_sql_read(struct db_stmt *s, struct arena *a, struct dag_runs_sql_row *ret);

/* 0, or 1 when there is none. */
int dag_runs_sql_get(struct db *db, const char *dag_id, const char *run_id, struct arena *a,
                     struct dag_runs_sql_row *ret);
/* The finished runs that unfinished ones (or the next one) look back on: from the one before the
 * oldest unfinished run on, by logical date. Answers as dag_runs_sql_open(). */
int dag_runs_sql_past(struct db *db, const char *dag_id, struct arena *a,
                      int (*each)(void *ctx, const struct dag_runs_sql_row *row), void *ctx);
/* Those whose logical date lies between two (USEC_INFINITY: no limit; without limits also those
 * without a date), oldest first. Answers as dag_runs_sql_open(). */
int dag_runs_sql_between(struct db *db, const char *dag_id, usec_t from_at, usec_t to_at,
                         struct arena *a,
                         int (*each)(void *ctx, const struct dag_runs_sql_row *row), void *ctx);
/* Calls `each` for every unfinished run, oldest first, until it answers non-zero. */
int dag_runs_sql_open(struct db *db, struct arena *a,
                      int (*each)(void *ctx, const struct dag_runs_sql_row *row), void *ctx);

/* Calls `each` for every DAG and state with the number of its runs. */
int dag_runs_sql_stats(struct db *db,
                       int (*each)(void *ctx, const char *dag_id, const char *state, int64_t n),
                       void *ctx);
