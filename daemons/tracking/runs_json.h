/* runs_json.h: a run as the wire has it. */
#pragma once

#include "daemons/tracking/job.h"
#include "daemons/tracking/runs_sql.h"

enum runs_json_parts {
        RUNS_JSON_MODEL_INPUTS = 1 << 0, /* inputs with logged models */
        RUNS_JSON_OUTPUTS = 1 << 1,
        RUNS_JSON_NEW = 1 << 2, /* just made: there is nothing to read but its tags */
};

/* An object "run" with all of it. 0 or -errno. */
int runs_json_write_run(struct json_write *w, struct db *db, const struct run *run, unsigned parts);

/* The fields of info, data, inputs and outputs, in an object that is open. 0 or -errno. */
int runs_json_write(struct json_write *w, struct db *db, const struct run *run, unsigned parts);

/* The fields of info, in an object that is open. */
void runs_json_write_info(struct json_write *w, const struct run *run);

/* key, value, timestamp and step, in an object that is open. */
void runs_json_write_metric(struct json_write *w, const char *key, double value, int64_t at_ms,
                            int64_t step);

/* An array `name` of {key, value} from the rows of `s`; nothing when there are none. 0 or -errno.
 */
int runs_json_write_pairs(struct json_write *w, const char *name, struct db_stmt *s);
