#include "daemons/scheduler/engine_decide.h"

#include <errno.h>

#include "daemons/scheduler/core/expand.h"
#include "daemons/scheduler/dags_sql.h"
#include "daemons/scheduler/engine.h"
#include "daemons/scheduler/event_logs_sql.h"
#include "daemons/scheduler/scheduler.h"
#include "daemons/scheduler/xcom.h"
#include "lib/base/log.h"

/* A mapped task that has no values, or whose values are no list, is over, and its note says so. */
static int fail_expand(struct scheduler *s, const struct world_event *e, enum task_state state,
                       const char *why) {
        struct world_event failed = {
                .kind = WORLD_TASK_SETTLED, .at = e->at, .task = e->task, .task_state = state};
        int r;

        if (e->task->is_expanded) { /* cleared, and what it is mapped over is gone */
                failed = *e;
                failed.n_maps = 0;
        }
        log_struct(LOG_WARNING,
                   LOG_FIELDS({"ONEBOX_DAG", e->task->run->spec->id},
                              {"ONEBOX_RUN", e->task->run->id}, {"ONEBOX_TASK", e->task->spec->id}),
                   "cannot be mapped: %s", why);
        r = event_logs_sql_insert(s->db,
                                  &(struct event_logs_sql_row){.at = e->at,
                                                               .event = "map_failed",
                                                               .dag_id = e->task->run->spec->id,
                                                               .run_id = e->task->run->id,
                                                               .task_id = e->task->spec->id,
                                                               .map_index = -1,
                                                               .owner = "scheduler",
                                                               .extra = why});
        return r < 0 ? r : engine_apply(s, &failed);
}

static int expand(struct scheduler *s, struct world_event *e) {
        const struct json *const *values;
        struct errmsg em = {};
        struct arena a;
        int r;

        arena_init(&a, 0);
        r = xcom_expand_values(s, e->task, &a, &values, &em);
        if (r >= 0)
                r = expand_count(e->task->spec, values, &e->n_maps, &em);
        if (r >= 0)
                r = engine_apply(s, e);
        else if (r == -EINVAL)
                r = fail_expand(s, e, TASK_FAILED, em.text);
        else if (r == -ENODATA)
                r = fail_expand(s, e, expand_missing_state(e->task), em.text);
        arena_done(&a);
        return MIN(r, 0);
}

static int decide_one(struct scheduler *s, const struct plan_decision *d, usec_t now) {
        char run_id[PLAN_RUN_ID_SIZE], try_id[WORLD_ID_SIZE] = "";
        struct world_event e;
        int r;

        if (d->kind == PLAN_START_TRY && (r = entropy_uuid7(s->entropy, now, try_id)) < 0)
                return r;
        plan_event(d, now, try_id, run_id, &e);
        if (d->kind == PLAN_EXPAND_TASK)
                return expand(s, &e);
        if (d->kind != PLAN_CREATE_RUN)
                return MIN(engine_apply(s, &e), 0);
        r = engine_create_run(s, &e, "scheduler", NULL);
        if (r != -EEXIST)
                return MIN(r, 0);
        /* A run of that name was made by hand: the timetable passes over it. */
        world_set_last(d->dag, &d->when);
        return dags_sql_set_last(s->db, d->dag->spec->id, &d->when);
}

int engine_decide(struct scheduler *s, struct plan *plan, usec_t now) {
        for (int pass = 0; pass < ENGINE_PASSES_MAX; pass++) {
                int r = plan_next(&s->world, now, plan);

                if (r < 0)
                        return r;
                if (plan->n == 0)
                        return 0;
                for (size_t i = 0; i < plan->n; i++) {
                        r = decide_one(s, &plan->decisions[i], now);
                        if (r < 0)
                                return r;
                }
        }
        plan->wake_at = now;
        return 0;
}
