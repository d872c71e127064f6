#pragma once
/* The query of a target, parsed whole. Pure. */
#include <stddef.h>

#include "lib/base/arena.h"

#define HTTP_QUERY_PAIRS_MAX 4096

struct http_query_pair {
        const char *key, *value; /* decoded */
};

/* "a=1&b&a=2": empty pieces are skipped, a key without "=" has the value "". -EINVAL: bad escape,
 * NUL or not UTF-8; -E2BIG; -ENOMEM. */
int http_query_parse(const char *text, struct arena *arena, struct http_query_pair **ret,
                     size_t *ret_n);
