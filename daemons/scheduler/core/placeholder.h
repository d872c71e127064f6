/* {{name}}: finds placeholders in a text and fills them in. Values may hold placeholders again;
 * names may be built from placeholders ({{a-{{b}}}}). What nobody knows stays as written, and so
 * does what is not a plain name ({{ ds_add(ds, 7) }}). Pure. */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

struct buf;

#define PLACEHOLDER_DEPTH_MAX 16u
#define PLACEHOLDER_SIZE_MAX (128u << 10) /* what Linux takes as one argument */

/* find adds the value of a name and returns 0, or 1 when it does not know the name.
 * Adds to *out. 0; -EINVAL with em set when values refer to themselves or grow too long; -ENOMEM;
 * what find said. */
int placeholder_expand(const char *text,
                       int (*find)(const void *user, const char *name, struct buf *value),
                       const void *user, struct buf *out, struct errmsg *em);
