/* Counted resources: which units a try holds. Pure. */
#pragma once

#include "daemons/scheduler/core/world.h"

struct buf;

#define WORLD_LEASES_TEXT_SIZE 1024u

/* Of what is free now, the lowest units; nothing is held yet. 0, or 1 when too few are free. */
int world_leases_choose(const struct world *w, const struct dag_resources *ask,
                        uint64_t ret[DAG_LEASES_MAX]);

/* Counts what the task holds (n: 1 or -1). */
void world_leases_count(struct world *w, const struct world_task *t, int n);

/* The first resource that keeps it from starting, NULL when none does. ret_missing: no such
 * resource is known here. */
const struct dag_lease *world_leases_block(const struct world *w, const struct world_task *t,
                                           bool *ret_missing);

/* The units of a resource that the task holds. */
uint64_t world_leases_of(const struct world_task *t, const char *name);
/* How many units a set has. */
unsigned world_leases_count_units(uint64_t set);

/* "gpu=0,1 license=3", as stored; "" when it holds nothing. */
const char *world_leases_print(const struct world_task *t, char ret[WORLD_LEASES_TEXT_SIZE]);
/* 0, or -EINVAL when the text does not fit the task. */
int world_leases_parse(struct world_task *t, const char *text);
