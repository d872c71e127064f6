/* order_parse.h: one order_by clause: "metrics.`a b` DESC", "start_time". Pure. */
#pragma once

#include "daemons/tracking/filter_parse.h"

struct order_key {
        enum filter_entity entity;
        const char *key; /* of an attribute: its first name */
        bool descending;
};

/* Taken from r->arena. 0, REFUSED or -ENOMEM. */
int order_parse(enum filter_family family, const char *text, struct refusal *r,
                struct order_key *ret);

/* Refuses a field that stands twice: `order_by` contains duplicate fields. 0, REFUSED or -ENOMEM.
 */
int order_parse_unique(const struct order_key *keys, size_t n, struct refusal *r);
