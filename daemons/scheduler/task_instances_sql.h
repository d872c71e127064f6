/* task_instances_sql.h: the table task_instances: one row a task of a run. Threads: the
 * connection's. */
#pragma once

#include "daemons/scheduler/core/world.h"
#include "lib/db/db.h"

extern const struct db_set task_instances_sql_set;

/* What kind of thing the task runs: its type in the source, or "command" or "marker". */
const char *task_instances_sql_operator(const struct dag_task *t);

/* All tasks of a new run. */
int task_instances_sql_insert(struct db *db, int64_t dag_run, const struct world_run *run);
/* The rows of an expanded task: its instances, in place of the one that stood for them. */
int task_instances_sql_expand(struct db *db, int64_t dag_run, const struct world_task *all);
int task_instances_sql_update(struct db *db, int64_t dag_run, const struct world_task *t);
/* A person's note; NULL: none. */
int task_instances_sql_set_note(struct db *db, int64_t dag_run, const struct world_task *t,
                                const char *note);

/* Fills the rows of a restored run's tasks; tasks without a row stay as they are.
 * -EUCLEAN: a row cannot be read. */
int task_instances_sql_load(struct db *db, int64_t dag_run, struct world_run *run);

struct task_instances_sql_failure {
        const char *task_id;
        const char *message; /* what its last try said of its end, or "" */
        bool has_log;        /* did that try write anything? */
};

/* The first task of a run that failed (task_id NULL: of any name). 0, or 1 when none has failed. */
int task_instances_sql_failed(struct db *db, int64_t dag_run, const char *task_id, struct arena *a,
                              struct task_instances_sql_failure *ret);
