/* tags_sql.h: the rows of tags of runs. */
#pragma once

#include "lib/db/db.h"

extern const struct db_set tags_sql_set;

#define TAGS_SQL_RUN_NAME "mlflow.runName"
#define TAGS_SQL_USER "mlflow.user"

/* The statement of a run's tags: key, value. Step it. */
struct db_stmt *tags_sql_list(struct db *db, const char *run_id);

/* Sets or replaces. 0 or -errno. */
int tags_sql_set_one(struct db *db, const char *run_id, const char *key, const char *value);
/* *ret_n: how many went. 0 or -errno. */
int tags_sql_delete(struct db *db, const char *run_id, const char *key, int64_t *ret_n);
/* DB_ROW with the value in the arena, DB_DONE, or -errno. */
int tags_sql_get(struct db *db, const char *run_id, const char *key, struct arena *a,
                 const char **ret);
