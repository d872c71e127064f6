/* evaluation_schema.h: which fields the records of an evaluation dataset have, and of what types,
 * as MLflow keeps it with the dataset; and how a record grows when it is given again. Pure.
 */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/json.h"

/* The schema's JSON after these records came: fields that are known keep their type. `existing`
 * NULL: none yet. *ret NULL: still none. 0, -EINVAL (`existing` is not JSON) or -ENOMEM. */
int evaluation_schema_update(const char *existing, const struct json *records, struct arena *a,
                             const char **ret);

/* The members of the object `existing` (NULL or "null": none) with those of `given` set, as JSON.
 * 0, -EINVAL, -ERANGE (a number beyond double) or -ENOMEM. */
int evaluation_schema_merge(const char *existing, const struct json *given, struct arena *a,
                            const char **ret);
