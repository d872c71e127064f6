/* notices_body.h: the body of POST /internal/tries/TRY_ID/ended: {"status": "FINISHED" | "FAILED" |
 * "KILLED", "state", "dag_id", "run_id", "task_id", "try_number", "start_time", "end_time",
 * "metrics": [{"key", "value"}], "params": [{"key", "value"}]}, state being "success" or another
 * result of core/world_apply.h. Times, metrics and params are for the try's own run. Pure. */
#pragma once

#include "daemons/scheduler/tries_sql.h"
#include "lib/base/buf.h"

/* Adds the JSON to `out`. 0 or -ENOMEM. */
int notices_body_print(const struct tries_sql_untold *row, struct buf *out);
