/* pipelines_digest.h: one number for the texts that are compiled, so that a look at what did not
 * change compiles nothing. Compiling depends on these texts alone (pipelines.h). Pure. */
#pragma once

#include <stdint.h>

#include "daemons/scheduler/pipelines_find.h"
#include "lib/base/fnv.h"

#define PIPELINES_DIGEST_EMPTY FNV_EMPTY

/* Of a directory's files as pipelines_find() found them, and of the file of variables (NULL: there
 * is none, as good as an empty one). */
uint64_t pipelines_digest_of(const struct pipelines_find_result *found, const char *env_text);
/* Of several directories, in this order. */
uint64_t pipelines_digest_join(uint64_t digest, uint64_t next);
