#include "daemons/scheduler/live_try.h"

#include "daemons/scheduler/scheduler.h"
#include "lib/base/str.h"

struct world_task *live_try_task(const struct live_try *t) {
        struct world_dag *wd = world_get_dag(&t->s->world, t->dag_id);
        struct world_run *run = wd ? world_get_run(wd, t->run_id) : NULL;
        struct world_task *task = run ? world_get_task(run, t->task_id, t->map_index) : NULL;

        return task && str_eq(task->try_id, t->try_id) ? task : NULL;
}
