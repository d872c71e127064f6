/* tracked_body.h: what tracking is told of a try that has a run of its own, as JSON:
 *
 *      {"run": {"experiment", "name", "user", "start_time", "tags": [{"key", "value"}], "params":
 *       [{"key", "value"}], "datasets": [{"name", "context"}]}, "files": [{"path", "text"}]}
 *
 * "run" is the body of POST /internal/tries/TRY_ID/began, "files" become its artifacts. Pure. */
#pragma once

#include "daemons/scheduler/core/world.h"
#include "daemons/scheduler/tracked_files.h"
#include "lib/base/buf.h"
#include "lib/base/json.h"

struct tracked_body {
        const struct world_task *task;
        const struct json *spec; /* its spec.json; NULL: it could not be made, and it never began */
        const char *user;        /* and source */
        const struct tracked_file *files; /* the code it runs */
        size_t n_files;
        usec_t at;
};

/* Adds the JSON to `out`. 0 or -ENOMEM. */
int tracked_body_print(const struct tracked_body *b, struct buf *out);
