#include "daemons/scheduler/core/replay.h"

#include <errno.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strmap.h"

static struct world_task *find_task(const struct world *w, const struct replay_fact *f) {
        struct world_dag *wd = f->dag_id ? world_get_dag(w, f->dag_id) : NULL;
        struct world_run *run = wd && f->run_id ? world_get_run(wd, f->run_id) : NULL;

        return run && f->task_id ? world_get_task(run, f->task_id, f->map_index) : NULL;
}

static void set_event(struct replay_action *a, enum world_event_kind kind, usec_t at) {
        a->has_event = true;
        a->event = (struct world_event){
                .kind = kind, .at = at, .task = a->task, .try_id = a->task->try_id};
}

static void set_end(struct replay_action *a, enum world_result result, usec_t at) {
        assert(result < _WORLD_RESULT_MAX);
        a->kind = REPLAY_APPLY;
        set_event(a, WORLD_TRY_ENDED, at);
        a->event.result = result;
        if (a->fact && a->fact->started_at != USEC_INFINITY)
                a->event.started_at = a->fact->started_at;
}

/* The try is the task's current one, and live. */
static void compare_live(struct replay_action *a, usec_t now) {
        const struct replay_fact *f = a->fact;

        if (f->has_end)
                set_end(a, f->result, f->ended_at != USEC_INFINITY ? f->ended_at : now);
        else if (f->is_locked) {
                a->kind = REPLAY_ADOPT;
                if (f->is_started && a->task->state == TASK_QUEUED)
                        set_event(a, WORLD_TRY_STARTED,
                                  f->started_at != USEC_INFINITY ? f->started_at : now);
        } else if (f->is_started)
                set_end(a, WORLD_RESULT_INTERRUPTED, now);
        else
                a->kind = REPLAY_START;
}

/* Nobody waits for this try any more. */
static void compare_stale(struct replay_action *a) {
        const struct replay_fact *f = a->fact;

        if (f->has_end)
                a->kind = REPLAY_ACKNOWLEDGE;
        else if (f->is_locked)
                a->kind = REPLAY_STOP;
        else
                a->kind = f->is_started ? REPLAY_ACKNOWLEDGE : REPLAY_CANCEL;
}

void replay_compare_one(struct world *w, const struct replay_fact *fact, usec_t now,
                        struct replay_action *ret) {
        struct replay_action a = {.fact = fact, .task = find_task(w, fact)};

        assert(fact->try_id[0]);
        if (fact->is_acked)
                a.kind = REPLAY_NOTHING;
        else if (a.task && task_state_is_live(a.task->state) &&
                 str_eq(a.task->try_id, fact->try_id))
                compare_live(&a, now);
        else if (!fact->dag_id || !fact->run_id || !fact->task_id)
                a.kind = REPLAY_LOST_FOUND;
        else
                compare_stale(&a);
        *ret = a;
}

/* The spool has no directory for a live try. Queued: it was never written, so nothing can have
 * begun. Running: it was taken away. */
static void compare_missing(struct world_task *t, usec_t now, struct replay_action *ret) {
        struct replay_action a = {.kind = REPLAY_START, .task = t};

        assert(task_state_is_live(t->state));
        if (t->state == TASK_RUNNING)
                set_end(&a, WORLD_RESULT_INTERRUPTED, now);
        *ret = a;
}

static size_t count_live(const struct world *w) {
        const struct world_task *t;
        size_t n = 0;

        TAILQ_FOREACH(t, &w->live, in_queue)
        n++;
        assert(n == w->n_live);
        return n;
}

int replay_compare(struct world *w, const struct replay_fact *facts, size_t n_facts, usec_t now,
                   struct replay_action **ret, size_t *ret_n) {
        _cleanup_free_ struct replay_action *actions = NULL;
        _cleanup_(strmap_done) struct strmap seen = {};
        struct world_task *t;
        size_t n = 0;

        actions = mem_alloc_array(n_facts + count_live(w) + 1, sizeof(*actions));
        if (!actions)
                return -ENOMEM;
        for (size_t i = 0; i < n_facts; i++) {
                if (strmap_set(&seen, facts[i].try_id, actions) < 0)
                        return -ENOMEM;
                replay_compare_one(w, &facts[i], now, &actions[n]);
                n += actions[n].kind != REPLAY_NOTHING;
        }
        TAILQ_FOREACH(t, &w->live, in_queue)
        if (!strmap_has(&seen, t->try_id))
                compare_missing(t, now, &actions[n++]);
        *ret = TAKE_PTR(actions);
        *ret_n = n;
        return 0;
}
