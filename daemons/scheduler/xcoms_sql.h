/* xcoms_sql.h: the table xcoms: what tasks leave for others. A value is JSON text, in the row or,
 * when it is large, in a file of STATE/scheduler/xcom/RUN/ that the row names. Threads: the
 * connection's.
 */
#pragma once

#include "lib/base/macros.h"
#include "lib/db/db.h"

struct arena;

#define XCOMS_SQL_KEY_MAX 512u /* bytes, as in Airflow */
#define XCOMS_SQL_RETURN "return_value"

extern const struct db_set xcoms_sql_set;

struct xcoms_sql_key {
        int64_t dag_run;
        const char *task_id;
        int map_index;
        const char *key;
};

/* value or file, the other one NULL. */
int xcoms_sql_put(struct db *db, const struct xcoms_sql_key *k, const char *value, size_t n_bytes,
                  const char *file, usec_t at);
/* 0 and one of the two (the other NULL), 1: there is none. */
int xcoms_sql_get(struct db *db, const struct xcoms_sql_key *k, struct arena *a,
                  const char **ret_value, const char **ret_file);
/* Those of all instances of a mapped task, in their order, until `each` answers non-zero. */
int xcoms_sql_all(struct db *db, const struct xcoms_sql_key *k,
                  int (*each)(void *ctx, const char *value, const char *file), void *ctx);
/* 0, or 1: there was none. */
int xcoms_sql_delete(struct db *db, const struct xcoms_sql_key *k);
/* All that a task has left; k->key is not looked at. */
int xcoms_sql_delete_task(struct db *db, const struct xcoms_sql_key *k);
