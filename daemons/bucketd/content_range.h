/* content_range.h: the Content-Range header of uploads. Pure. */
#pragma once

#include "lib/base/macros.h"

struct content_range {
        bool has_bytes; /* "first-last", else "*": a question */
        bool has_total; /* else "*" */
        uint64_t first, last, total;
};

/* "bytes 0-99/200", "bytes 0-99/∗", "bytes ∗/200", "bytes ∗/∗". 0 or -EINVAL. */
int content_range_parse(const char *text, struct content_range *ret);
