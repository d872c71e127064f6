/* scheduler_uri.h: where the scheduler's database is. */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/base/paths.h"

struct scheduler_conf;

/* The URI to open, with its password, on the heap: free it with mem_free_secret(). */
int scheduler_uri_make(const struct scheduler_conf *conf, const struct paths *paths, char **ret,
                       struct errmsg *em);
