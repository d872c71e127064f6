/* Instances of mapped tasks. For world.c, world_apply.c and world_index.c only. Pure. */
#pragma once

#include "daemons/scheduler/core/world.h"

/* Makes room for instances 0 … n-1, new ones in TASK_NONE and not counted. 0 or -ENOMEM. */
int world_maps_reserve(struct world_task *all, unsigned n);
void world_maps_free(struct world_task *all);

/* As the database has it: an instance that was there before. 0, -EINVAL (no such index), -ENOMEM.
 */
int world_maps_restore(struct world_task *all, int map_index, struct world_task **ret);

/* Has any instance begun or ended? */
bool world_maps_begun(const struct world_task *all);

/* Did all of it end in success or skipped: itself, or all its instances? */
bool world_maps_good(const struct world_task *all);
