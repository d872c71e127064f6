/* page_name.h: a name as the opaque token of the page behind it. Pure. */
#pragma once

#include "lib/base/arena.h"

/* NULL: out of memory. */
const char *page_name_print(struct arena *a, const char *name);
/* 0, -EINVAL, -ENOMEM. */
int page_name_parse(struct arena *a, const char *token, const char **ret);

/* Where versions are listed: the name and, behind a line break, which no name has, the generation
 * of it that was given last. NULL: out of memory. */
const char *page_name_join(struct arena *a, const char *name, int64_t generation);
/* *ret_generation 0: there is none, all of the name were given. 0, -EINVAL, -ENOMEM. */
int page_name_split(struct arena *a, const char *text, const char **ret_name,
                    int64_t *ret_generation);
