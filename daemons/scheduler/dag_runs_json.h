/* dag_runs_json.h: a run in REST v2's form. Pure. */
#pragma once

#include "daemons/scheduler/dag_runs_sql.h"
#include "lib/base/json_write.h"

/* A version of a DAG: an object. Its id is made of the two names, so that it is ever the same. */
void dag_runs_json_version(struct json_write *w, const char *dag_id, int64_t version,
                           usec_t created_at);
void dag_runs_json_write(struct json_write *w, const struct dag_runs_sql_row *row);
