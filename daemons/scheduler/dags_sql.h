/* dags_sql.h: the tables dags and dag_versions. A version is the DAG JSON as it was when it
 * changed; runs keep the one they began with. Threads: the connection's. */
#pragma once

#include "daemons/scheduler/core/timetable.h"
#include "lib/db/db.h"

struct arena;

extern const struct db_set dags_sql_set;

/* A row of the list, in the caller's arena. */
struct dags_sql_row {
        const char *dag_id;
        bool is_paused, is_gone;
        int64_t version;
        bool has_last;
        struct timetable_run last;
        const char *body;  /* the DAG JSON of its current version */
        usec_t version_at; /* when that came */
};

/* All DAGs by id. -ENOMEM or the database's error. */
int dags_sql_list(struct db *db, struct arena *a, struct dags_sql_row **ret, size_t *ret_n);

/* The DAG now has this version; `body` NULL: it is there already. A new DAG begins `is_paused`. */
int dags_sql_put(struct db *db, const char *dag_id, int64_t version, const char *body,
                 bool is_paused, usec_t now);
int dags_sql_set_gone(struct db *db, const char *dag_id);
int dags_sql_set_paused(struct db *db, const char *dag_id, bool is_paused);
int dags_sql_set_last(struct db *db, const char *dag_id, const struct timetable_run *last);

/* The body of one version in `a`: 0, 1 when there is none. */
int dags_sql_version_get(struct db *db, const char *dag_id, int64_t version, struct arena *a,
                         const char **ret_body);

/* The greatest version there is of a DAG, 0 for none. */
int dags_sql_version_latest(struct db *db, const char *dag_id, int64_t *ret_version);
