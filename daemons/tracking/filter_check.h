/* filter_check.h: which names and comparisons each family of searches takes, and how it refuses the
 * others. Pure.
 */
#pragma once

#include "daemons/tracking/filter_parse.h"

/* Lists end with NULL. */
struct filter_check_family {
        const char *const *attributes; /* may stand in a filter */
        const char *const *order_by;   /* may stand in an order_by */
        const char *const *numeric;    /* of both, by their first name */
};

const struct filter_check_family *filter_check_family(enum filter_family family);

/* "name", "digest", "context", NULL. */
extern const char *const filter_check_datasets[];

/* An attribute's first name: created → start_time. */
const char *filter_check_alias(enum filter_family family, const char *key);

/* All of these: 0, REFUSED or -ENOMEM. */

int filter_check_entity(enum filter_family family, const char *name, struct refusal *r,
                        enum filter_entity *ret);

/* "Invalid attribute key 'x' specified. Valid keys are '{…}'" */
int filter_check_unknown(enum filter_family family, const char *key, const char *const *valid,
                         const char *what, struct refusal *r);

/* IS NULL and IS NOT NULL: refused where the family does not know them; then, by what they ask. */
int filter_check_null(enum filter_family family, enum filter_op op, struct refusal *r);
int filter_check_nullable(enum filter_family family, enum filter_entity entity, const char *key,
                          struct refusal *r);

/* `text` is the comparison in upper case. */
int filter_check_op(enum filter_family family, const struct filter_clause *c, bool numeric,
                    const char *text, struct refusal *r);

/* The last look at a clause: ids and numbers that stand in quotes become numbers. */
int filter_check_value(enum filter_family family, struct filter_clause *c, bool numeric,
                       struct refusal *r);
