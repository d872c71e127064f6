/* assessments_json.h: assessments as the wire has them. Pure. */
#pragma once

#include "daemons/tracking/ask.h"
#include "daemons/tracking/assessments_sql.h"
#include "lib/base/json_write.h"

/* Reads an assessment's object; what it leaves out is NULL, the id too. 0, REFUSED or -errno. */
int assessments_json_read(struct refusal *r, const struct json *j, int64_t now_ms,
                          struct assessment *ret);
/* Its value alone (feedback or expectation), with its error and aggregate. */
int assessments_json_read_value(struct refusal *r, const struct json *j, struct assessment *ret);
/* Its aggregate, from its value. */
int assessments_json_aggregate(struct arena *a, struct assessment *x);
/* {"a": "b"} as text; NULL when there is nothing. */
int assessments_json_read_metadata(struct arena *a, const struct json *j, const char **ret);

/* The fields of an object that is open. 0 or -errno. */
int assessments_json_write(struct json_write *w, struct arena *a, const struct assessment *x);
