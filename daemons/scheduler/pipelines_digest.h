/* sources_digest.h: one number for the text of all pipeline files, so that a look at what did not
 * change compiles nothing. Compiling depends on these texts alone (pipelines.h). */
#pragma once

#include <stdint.h>

#include "lib/base/macros.h"

#define SOURCES_DIGEST_EMPTY UINT64_C(14695981039346656037)

/* Adds a directory's files, as pipelines_find() finds them. 0, -errno when something in it cannot
 * be read, -ENOMEM; then *digest is good for nothing. */
int sources_digest_add_dir(uint64_t *digest, const char *dir, unsigned depth);
/* Adds one file; one that is not there is empty. As above. */
int sources_digest_add_file(uint64_t *digest, const char *path);
