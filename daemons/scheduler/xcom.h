/* xcom.h: what tasks leave for others: taken from the spool when a try ends, read when another
 * begins or somebody asks. Values above xcom_spill_threshold are kept as files of
 * STATE/scheduler/xcom/RUN/, durable before the row that names them; they go with their run.
 * Threads: xcom_load() any; the rest the loop's. */
#pragma once

#include "daemons/scheduler/core/world.h"
#include "daemons/scheduler/xcoms_sql.h"
#include "lib/base/errmsg.h"
#include "lib/base/json.h"

struct scheduler;

/* Inside a job: rows for the files the try has left in its spool. 0; -EINVAL with *em: one of them
 * cannot be taken (too large, no name), the others may have been; -errno. */
int xcom_take(struct scheduler *s, const struct world_task *t, const char *try_id,
              struct errmsg *em);

/* Inside a job: one value, JSON text. As above. */
int xcom_put(struct scheduler *s, const struct xcoms_sql_key *k, const char *json, size_t n_bytes,
             struct errmsg *em);

/* The value as JSON text, in the arena. 0; 1: there is none; -errno. */
int xcom_load(struct scheduler *s, struct db *db, const struct xcoms_sql_key *k, struct arena *a,
              const char **ret_json);

/* What a task of the run has left: of a mapped one the array of its instances' values; NULL:
 * nothing. -EINVAL: what it left is not JSON as it may be here. */
int xcom_of_task(struct scheduler *s, const struct world_run *run, const char *task_id,
                 const char *key, struct arena *a, struct json **ret, struct errmsg *em);

/* The values a mapped task runs over, one for each of spec->expand; NULL where there is none.
 * -EINVAL as above. */
int xcom_expand_values(struct scheduler *s, const struct world_task *t, struct arena *a,
                       const struct json *const **ret, struct errmsg *em);

/* Files of a run that has been deleted. */
void xcom_forget_run(struct scheduler *s, int64_t dag_run);
