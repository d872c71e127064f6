/* notices_body.h: the body of POST /internal/tries/TRY_ID/ended, and an item of those of
 * /internal/tries/ended: {"try_id", "status": "FINISHED" | "FAILED" | "KILLED", "state", "dag_id",
 * "run_id", "task_id", "try_number", "start_time", "end_time", "metrics": [{"key", "value"}],
 * "params": [{"key", "value"}]}, state being "success" or another result of core/world_apply.h.
 * Times, metrics and params are for the try's own run. Pure. */
#pragma once

#include "daemons/scheduler/tries_sql.h"
#include "lib/base/buf.h"

struct json_write;

/* As a value of what is being written. */
void notices_body_write(struct json_write *w, const struct tries_sql_untold *row);

/* Adds the JSON to `out`. 0 or -ENOMEM. */
int notices_body_print(const struct tries_sql_untold *row, struct buf *out);
