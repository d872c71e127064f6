/* dag_runs_json.h: a run in REST v2's form. Pure. */
#pragma once

#include "daemons/scheduler/dag_runs_sql.h"
#include "lib/base/json_write.h"

void dag_runs_json_write(struct json_write *w, const struct dag_runs_sql_row *row);
