/* yaml_scalar: what a plain scalar means, by the rules of YAML 1.1 as PyYAML has them. Pure. */
#pragma once

#include "lib/base/json.h"

/* Sets type, text and flags of *node from s[0..len), which must outlive the node; other fields
 * stay. 0; -EINVAL (infinity, not-a-number); -ERANGE (a number beyond int64/uint64 in another base,
 * or beyond double); -ENOMEM. */
int yaml_scalar_resolve(struct arena *a, const char *s, size_t len, struct json *node);
