/* bench_plan: what a decision costs: 250 pipelines of 100 tasks, and nights through the simulator.
 * Prints one line a measurement; the first has the limit of the design, 5 ms. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemons/scheduler/core/sim.h"
#include "lib/base/buf.h"
#include "lib/base/zone.h"

#define N_DAGS 250
#define N_TASKS 100
#define NOW (UINT64_C(1767225600) * USEC_PER_SEC)

static double cpu_ms(void) {
        struct timespec ts;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (double) ts.tv_sec * 1e3 + (double) ts.tv_nsec / 1e6;
}

static void must(int r) {
        if (r >= 0)
                return;
        fprintf(stderr, "bench_plan: %s\n", errmsg_strerror(r));
        exit(1);
}

/* Ten chains of ten tasks side by side. */
static struct world_dag *put_dag(struct world *w, unsigned i, const char *schedule) {
        _cleanup_buf_ struct buf json = {};
        struct world_dag *wd = NULL;
        struct dag *d = NULL;

        buf_printf(&json, "{\"onebox_dag\":1,\"dag_id\":\"d%u\",%s\"tasks\":[", i, schedule);
        for (unsigned t = 0; t < N_TASKS; t++) {
                buf_printf(&json, "%s{\"id\":\"t%u\",\"cmd\":\"true\"", t > 0 ? "," : "", t);
                if (t >= 10)
                        buf_printf(&json, ",\"upstream\":[\"t%u\"]", t - 10);
                buf_add_str(&json, "}");
        }
        buf_add_str(&json, "]}");
        must(dag_parse(buf_cstr(&json), json.len, &d, NULL));
        must(world_put_dag(w, d, zone_utc(), &wd, NULL));
        dag_unref(d);
        return wd;
}

static void apply(struct world *w, const struct world_event *e) {
        struct world_touched touched;

        must(world_apply(w, e, &touched));
}

static unsigned decide(struct world *w, struct plan *plan) {
        static unsigned n_ids;
        unsigned n_passes = 0;

        do {
                must(plan_next(w, NOW, plan));
                for (size_t i = 0; i < plan->n; i++) {
                        char run_id[PLAN_RUN_ID_SIZE], try_id[WORLD_ID_SIZE];
                        struct world_event e;

                        snprintf(try_id, sizeof(try_id), "t%u", ++n_ids);
                        plan_event(&plan->decisions[i], NOW, try_id, run_id, &e);
                        apply(w, &e);
                }
                n_passes++;
        } while (plan->n > 0);
        return n_passes;
}

/* All of them run; each time one try ends and the next one is decided. */
static void bench_passes(void) {
        struct plan plan = {};
        unsigned n_tries = 0, n_passes = 0;
        struct world w;
        double begin;

        must(world_init(&w, 32));
        for (unsigned i = 0; i < N_DAGS; i++)
                apply(&w, &(struct world_event){.kind = WORLD_RUN_CREATED,
                                                .at = NOW,
                                                .dag = put_dag(&w, i, ""),
                                                .run_id = "r",
                                                .run_type = RUN_TYPE_MANUAL});
        begin = cpu_ms();
        decide(&w, &plan);
        printf("plan: first decision of %d pipelines of %d tasks: %.3f ms\n", N_DAGS, N_TASKS,
               cpu_ms() - begin);
        begin = cpu_ms();
        for (struct world_task *t; (t = TAILQ_FIRST(&w.live)); n_tries++) {
                apply(&w, &(struct world_event){.kind = WORLD_TRY_ENDED,
                                                .at = NOW,
                                                .task = t,
                                                .try_id = t->try_id,
                                                .result = WORLD_RESULT_SUCCESS});
                n_passes += decide(&w, &plan);
        }
        printf("plan: one pass over %d unfinished tasks: %.3f ms (limit 5); %u tries\n",
               N_DAGS * N_TASKS, (cpu_ms() - begin) / n_passes, n_tries);
        plan_done(&plan);
        world_done(&w);
}

static void bench_nights(void) {
        struct sim_config c = {.seed = 1,
                               .start_at = NOW,
                               .n_nights = 30,
                               .night_at_for = 20 * USEC_PER_HOUR,
                               .night_for = 8 * USEC_PER_HOUR,
                               .task_min_for = USEC_PER_SEC,
                               .task_max_for = USEC_PER_HOUR,
                               .fail_percent = 2,
                               .crash_percent = 50};
        struct sim_summary sum;
        struct world w;
        double begin;

        must(world_init(&w, 32));
        for (unsigned i = 0; i < 10; i++)
                put_dag(&w, i, "\"schedule\":\"0 */6 * * *\",\"missed\":\"all\",");
        begin = cpu_ms();
        must(sim_run(&w, &c, NULL, NULL, &sum));
        printf("sim: %u nights, %lu runs, %lu tries, %lu interrupted: %.0f ms\n", c.n_nights,
               sum.n_runs, sum.n_tries, sum.n_interrupted, cpu_ms() - begin);
        world_done(&w);
}

int main(void) {
        bench_passes();
        bench_nights();
        return 0;
}
