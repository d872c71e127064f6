#include "daemons/scheduler/engine_write.h"

#include "daemons/scheduler/dag_runs_sql.h"
#include "daemons/scheduler/dags_sql.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/task_instances_sql.h"
#include "daemons/scheduler/tries_sql.h"
#include "daemons/scheduler/xcoms_sql.h"

int engine_write_run(struct scheduler *s, struct world_run *run, const char *by, const char *note) {
        int64_t id;
        int r;

        r = dag_runs_sql_insert(s->db, run, scheduler_dag_version(run->dag), by, note, &id);
        if (r < 0)
                return r;
        run->user = (void *) (intptr_t) id;
        return task_instances_sql_insert(s->db, id, run);
}

int engine_write_touched(struct scheduler *s, const struct world_touched *touched) {
        int r = 0;

        if (touched->dag)
                r = dags_sql_set_last(s->db, touched->dag->spec->id, &touched->dag->last);
        if (r >= 0 && touched->run)
                r = dag_runs_sql_update(s->db, scheduler_run_row(touched->run), touched->run);
        if (r >= 0 && touched->task && touched->task->is_expanded)
                r = task_instances_sql_expand(s->db, scheduler_run_row(touched->task->run),
                                              touched->task);
        else if (r >= 0 && touched->task)
                r = task_instances_sql_update(s->db, scheduler_run_row(touched->task->run),
                                              touched->task);
        return r;
}

/* A try begins with nothing left by those before it. */
static int drop_xcoms(struct scheduler *s, const struct world_task *t) {
        return xcoms_sql_delete_task(s->db,
                                     &(struct xcoms_sql_key){scheduler_run_row(t->run), t->spec->id,
                                                             t->map_index, NULL});
}

int engine_write_try(struct scheduler *s, const struct world_event *e) {
        int r;

        if (e->kind == WORLD_TRY_CREATED && e->try_number > 1 && (r = drop_xcoms(s, e->task)) < 0)
                return r;
        if (e->kind == WORLD_TRY_CREATED)
                return tries_sql_insert(s->db, scheduler_run_row(e->task->run), e->task, s->boot_id,
                                        e->task->run->spec->user);
        if (e->kind == WORLD_TRY_STARTED)
                return tries_sql_set_started(s->db, e->try_id, e->at);
        return 0;
}
