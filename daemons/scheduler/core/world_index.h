/* Keeps counters and queues of a world true: the only place where the state of a task or run
 * changes. For world.c and world_apply.c only. Pure. */
#pragma once

#include "daemons/scheduler/core/world.h"

/* Room so that n tasks can become ready without failing. 0 or -ENOMEM. */
int world_index_reserve(struct world *w, size_t n);

/* Counts a run whose row and task rows are set, and puts its tasks in their queues. 0 or -ENOMEM.
 */
int world_index_add_run(struct world *w, struct world_run *run);

/* Takes it out of all counters and queues. */
void world_index_remove_run(struct world *w, struct world_run *run);

/* The moves, whose legality the caller has checked. 0, or -ENOMEM with nothing changed. */
int world_index_move_task(struct world *w, struct world_task *t, enum task_state to);
int world_index_move_run(struct world *w, struct world_run *run, enum run_state to);

/* Puts a task in its queue again after its retry_at changed; nothing can fail. */
void world_index_again(struct world *w, struct world_task *t);

/* May it start, by its upstream tasks, its guards and those that skip it? */
enum trigger_rule_verdict world_index_verdict(const struct world_task *t);

/* Does the past of the task forbid its start? */
bool world_index_past_blocks(const struct world_task *t);

/* Gives a mapped task n instances, at least one unless it has some: new ones begin in TASK_NONE,
 * those beyond n are removed. 0, or -ENOMEM with nothing changed but room. */
int world_index_expand(struct world *w, struct world_task *all, unsigned n);

/* n = 1: what t->skips names is skipped from now on; -1: no longer. Nothing can fail. */
void world_index_skip(struct world *w, struct world_task *t, int n);

/* Puts a mapped task and its instances in their queues again; nothing can fail. */
void world_index_all(struct world *w, struct world_task *all);
