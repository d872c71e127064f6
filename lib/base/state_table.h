/* state_table: the states of a thing and which may follow which. One function of the thing's module
 * moves it, and asks here first. Pure.
 *
 *      STATE(QUEUED, "queued", TO(RUNNING) | TO(FAILED))
 * A .def of such rows with TO(x) = STATE_TABLE_BIT(TRY_##x) makes enum, names and table. */
#pragma once

#include "lib/base/errmsg.h"
#include "lib/base/macros.h"

#define STATE_TABLE_BIT(state) (UINT32_C(1) << (state))

struct state_table_row {
        const char *name;
        uint32_t next; /* set of STATE_TABLE_BIT() */
};

struct state_table {
        const char *noun; /* "try", for messages */
        const struct state_table_row *rows;
        unsigned n; /* <= 32 */
};

bool state_table_allows(const struct state_table *t, unsigned from, unsigned to);
/* No state follows. */
bool state_table_is_final(const struct state_table *t, unsigned state);
/* Never NULL; "?" for a number that is no state. */
const char *state_table_name(const struct state_table *t, unsigned state);
/* The state's number or -EINVAL. */
int state_table_find(const struct state_table *t, const char *name);
/* 0, or -EPROTO with em `a try cannot go from "success" to "running"`. */
int state_table_check(const struct state_table *t, unsigned from, unsigned to, struct errmsg *em);
/* For tests: names are there and unique, sets name only states, each is reachable from `start`. */
int state_table_validate(const struct state_table *t, unsigned start, struct errmsg *em);
