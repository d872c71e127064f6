/* task_runs_sql.h: the run that a try of a task has of its own: the try's id without its dashes is
 * its id. Runs that the task opens by itself are its children, unless they have a parent. */
#pragma once

#include "lib/db/db.h"

extern const struct db_set task_runs_sql_set;

#define TASK_RUNS_SQL_ID_SIZE 33

/* The id of a try's own run. 0 or -EINVAL. */
int task_runs_sql_id(const char *try_id, char ret[TASK_RUNS_SQL_ID_SIZE]);

/* All runs of the try that have no parent get its own run as such. */
int task_runs_sql_adopt_all(struct db *db, const char *try_id, const char *own_id);
/* That one run, if the try has its own. */
int task_runs_sql_adopt(struct db *db, const char *try_id, const char *run_id);

/* `start_at_ms` 0: as it was. *ret_n: 0 when the try has no run of its own, or it was deleted. */
int task_runs_sql_end(struct db *db, const char *own_id, const char *status, int64_t start_at_ms,
                      int64_t end_at_ms, int64_t *ret_n);
