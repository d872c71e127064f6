/* launch_body.h: what a try's unit has of its own, as the launcher is asked for it: limits,
 * directories, secrets, devices, time. Pure. */
#pragma once

#include "daemons/scheduler/core/world.h"
#include "lib/base/json_write.h"

/* Adds the keys to the object that is open. */
void launch_body_write(struct json_write *w, const struct world_task *task);
