/* flags_file: a configuration file, TOML, YAML or JSON by its name's end, as a flat map of keys (in
 * lower case) to values as text. Tables and lists mean nothing here and are left out. */
#pragma once

#include <stddef.h>

#include "lib/base/errmsg.h"
#include "lib/base/strmap.h"

#define FLAGS_FILE_MAX ((size_t) 1 << 20) /* bytes */

/* Values of the map are on the heap. -EINVAL (not such a file, or not its language), -errno; em
 * says why. */
int flags_file_load(const char *path, struct strmap *ret, struct errmsg *em);
/* The same from memory; kind is "toml", "yaml" or "json". */
int flags_file_parse(const char *kind, const char *text, size_t len, const char *name,
                     struct strmap *ret, struct errmsg *em);
