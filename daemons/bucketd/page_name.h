/* page_name.h: a name as the opaque token of the page behind it. Pure. */
#pragma once

#include "lib/base/arena.h"

/* NULL: out of memory. */
const char *page_name_print(struct arena *a, const char *name);
/* 0, -EINVAL, -ENOMEM. */
int page_name_parse(struct arena *a, const char *token, const char **ret);
