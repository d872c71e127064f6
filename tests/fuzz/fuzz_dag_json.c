/* fuzz_dag_json: a DAG that parses can be run to its end, whatever its tasks do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemons/scheduler/core/plan.h"
#include "lib/base/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW (UINT64_C(1767225600) * USEC_PER_SEC)
#define PASSES_MAX 100000u

static void apply(struct world *w, const struct world_event *e) {
        struct world_touched touched;

        if (world_apply(w, e, &touched) != 0)
                abort();
}

/* Each try ends at once, in a way that its number decides. */
static void end_live(struct world *w, usec_t now) {
        static const enum world_result results[] = {WORLD_RESULT_SUCCESS, WORLD_RESULT_FAILED,
                                                    WORLD_RESULT_SKIPPED, WORLD_RESULT_SUCCESS};
        struct world_task *t;

        while ((t = TAILQ_FIRST(&w->live))) {
                struct world_event e = {.kind = WORLD_TRY_ENDED,
                                        .at = now,
                                        .task = t,
                                        .try_id = t->try_id,
                                        .result = results[(t->spec->index + t->try_number) % 4]};

                apply(w, &e);
        }
}

static void run(struct world *w, struct world_run *run) {
        struct plan plan = {};
        usec_t now = NOW;

        for (unsigned n = 0; !run_state_is_finished(run->state) && n < PASSES_MAX; n++) {
                if (plan_next(w, now, &plan) < 0)
                        abort();
                for (size_t i = 0; i < plan.n; i++) {
                        struct world_event e;
                        char run_id[PLAN_RUN_ID_SIZE];

                        plan_event(&plan.decisions[i], now, "t", run_id, &e);
                        apply(w, &e);
                }
                end_live(w, now);
                if (plan.n == 0 && plan.wake_at == USEC_INFINITY)
                        break;
                if (plan.n == 0)
                        now = plan.wake_at;
        }
        plan_done(&plan);
}

/* Only a pool that is not there may keep a run from its end. */
static void check_end(const struct world *w, const struct world_run *r) {
        if (run_state_is_finished(r->state) && r->n_unfinished > 0)
                abort();
        for (size_t i = 0; !run_state_is_finished(r->state) && i < w->n_ready; i++) {
                const struct dag_task *t = w->ready[i]->spec;
                const struct world_pool *pool = world_get_pool(w, t->pool);

                if (pool && t->pool_slots <= pool->n_slots)
                        abort();
        }
}

static void drive(struct dag *d) {
        struct world_event e = {.kind = WORLD_RUN_CREATED,
                                .at = NOW,
                                .run_id = "r",
                                .run_type = RUN_TYPE_MANUAL,
                                .when = {NOW, NOW, NOW, NOW}};
        struct errmsg em = {};
        struct world w;

        if (world_init(&w, 4) < 0 || world_put_dag(&w, d, zone_utc(), &e.dag, &em) < 0)
                abort();
        e.dag->gone = true; /* this run only */
        e.dag->paused = false;
        apply(&w, &e);
        run(&w, world_get_run(e.dag, "r"));
        check_end(&w, world_get_run(e.dag, "r"));
        world_done(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(dag_unrefp) struct dag *d = NULL;
        struct errmsg em = {};

        if (dag_parse((const char *) data, size, &d, &em) < 0) {
                if (!em.text[0])
                        abort();
                return 0;
        }
        drive(d);
        return 0;
}
