/* filter_value.h: what stands right of a comparison. Pure. */
#pragma once

#include "daemons/tracking/filter_lex.h"
#include "daemons/tracking/filter_parse.h"

/* Fills c->kind and the value; c->entity and c->op are known, `key` is the key as it was written,
 * `numeric` says that the attribute is a number. 0, REFUSED or -ENOMEM. */
int filter_value_read(enum filter_family family, const char *key, bool numeric,
                      const struct filter_word *w, struct refusal *r, struct filter_clause *c);

/* A list in parentheses as Python writes it: ('a', "b\n"). 0, REFUSED or -ENOMEM. */
int filter_value_list(const struct filter_word *w, struct refusal *r, const char ***ret_list,
                      size_t *ret_n);

/* A value that had to stand in quotes does not. REFUSED. */
int filter_value_refuse_bare(const struct filter_word *w, struct refusal *r);
