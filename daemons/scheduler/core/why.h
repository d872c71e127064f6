/* The exact reason why a task is not running, or a run or DAG does not go on, in plain words. Pure;
 * it reads what plan_next() reads. */
#pragma once

#include "daemons/scheduler/core/world.h"

#define WHY_TEXT_SIZE 512u

void why_task(struct world *w, const struct world_task *t, usec_t now, char ret[WHY_TEXT_SIZE]);
void why_run(struct world *w, const struct world_run *run, usec_t now, char ret[WHY_TEXT_SIZE]);
void why_dag(struct world *w, struct world_dag *wd, usec_t now, char ret[WHY_TEXT_SIZE]);
