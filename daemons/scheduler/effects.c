#include "daemons/scheduler/effects.h"

#include <errno.h>

#include "daemons/scheduler/live.h"
#include "daemons/scheduler/notices.h"
#include "daemons/scheduler/scheduler.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static struct effect *add(struct effects *x) {
        if (mem_grow((void **) &x->list, &x->n_allocated, x->n + 1, sizeof(*x->list)) < 0)
                return NULL;
        x->list[x->n] = (struct effect){};
        return &x->list[x->n++];
}

int effects_add_try(struct effects *x, enum effect_kind kind, struct world_task *t,
                    const char *try_id) {
        struct effect *e = add(x);

        if (!e)
                return -ENOMEM;
        e->kind = kind;
        e->dag = t->run->dag;
        e->task = t;
        return str_copy(e->try_id, sizeof(e->try_id), try_id);
}

int effects_add_sweep(struct effects *x, struct world_dag *dag) {
        struct effect *e = add(x);

        if (!e)
                return -ENOMEM;
        e->kind = EFFECT_SWEEP;
        e->dag = dag;
        return 0;
}

/* What a later event of the same batch has overtaken is not begun. */
static bool is_wanted(const struct effect *e) {
        return str_eq(e->task->try_id, e->try_id) && task_state_is_live(e->task->state);
}

void effects_run(struct scheduler *s, struct effects *x) {
        bool tell = false;

        for (size_t i = 0; i < x->n; i++) {
                const struct effect *e = &x->list[i];

                if (e->kind == EFFECT_START && is_wanted(e))
                        live_start(s, e->task);
                else if (e->kind == EFFECT_STOP)
                        live_stop(s, e->try_id);
                else if (e->kind == EFFECT_TELL)
                        tell = true;
        }
        /* last, for the list points at tasks of the runs that go */
        for (size_t i = 0; i < x->n; i++)
                if (x->list[i].kind == EFFECT_SWEEP)
                        world_sweep(&s->world, x->list[i].dag);
        x->n = 0;
        if (x->n_allocated > EFFECTS_KEPT)
                effects_clear(x);
        if (tell)
                notices_kick(s);
}

void effects_clear(struct effects *x) {
        mem_free(x->list);
        *x = (struct effects){};
}
