/* filter_scan.h: a filter string as the comparisons that stand in it, before anybody asks what they
 * mean. Pure. Whatever is no comparison and no AND is refused, all of it by name. */
#pragma once

#include "daemons/tracking/filter_lex.h"
#include "daemons/tracking/filter_parse.h"

struct filter_comparison {
        struct filter_word left, right; /* IS NULL and IS NOT NULL have nothing on the right */
        enum filter_op op;
        const char *op_text;  /* upper case */
        const char *op_given; /* as it was written; words with NOT or IS in upper case */
};

/* NULL and "" are none. The family is whose words a refusal takes; traces take those of runs.
 * Everything is taken from r->arena. 0, REFUSED or -ENOMEM. */
int filter_scan(enum filter_family family, const char *text, struct refusal *r,
                const struct filter_comparison **ret, size_t *ret_n);

/* "NOT IN"; of any but FILTER_OP_OTHER, which no search lets through. */
const char *filter_scan_op_name(enum filter_op op);
