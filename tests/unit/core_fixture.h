/* What the tests of the scheduler's core share: DAGs from short texts, and a way to drive a world
 * by hand. All functions fail the test when something goes wrong. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemons/scheduler/core/expand.h"
#include "daemons/scheduler/core/plan.h"
#include "lib/base/mem.h"
#include "lib/base/timestamp.h"
#include "lib/base/zone.h"

#define CORE_FIXTURE_NOW (USEC_PER_SEC * UINT64_C(1767225600)) /* 2026-01-01T00:00:00Z */

static inline _unused_ struct dag *core_fixture_dag(const char *json) {
        struct errmsg em = {};
        struct dag *d = NULL;

        if (dag_parse(json, strlen(json), &d, &em) < 0)
                fail_msg("%s", em.text);
        return d;
}

/* "a" "b<a" "c<a,b": tasks, each with the ones it waits for; head: more keys of the DAG, or "". */
static inline _unused_ struct dag *core_fixture_tasks(const char *id, const char *head,
                                                      const char *const *tasks) {
        static char json[65536];
        size_t n = 0;

        n += (size_t) snprintf(json + n, sizeof(json) - n,
                               "{\"onebox_dag\":1,\"dag_id\":\"%s\",%s\"tasks\":[", id, head);
        for (size_t i = 0; tasks[i]; i++) {
                const char *ups = strchr(tasks[i], '<'), *more = strchr(tasks[i], '{');
                size_t id_len = strcspn(tasks[i], "<{");

                n += (size_t) snprintf(json + n, sizeof(json) - n,
                                       "%s{\"id\":\"%.*s\",\"cmd\":\"true\",\"upstream\":[",
                                       i > 0 ? "," : "", (int) id_len, tasks[i]);
                for (const char *p = ups ? ups + 1 : ""; *p && *p != '{';) {
                        size_t len = strcspn(p, ",{");

                        n += (size_t) snprintf(json + n, sizeof(json) - n, "%s\"%.*s\"",
                                               p > ups + 1 ? "," : "", (int) len, p);
                        p += len + (p[len] == ',');
                }
                n += (size_t) snprintf(json + n, sizeof(json) - n, "]%s%.*s}", more ? "," : "",
                                       more ? (int) strlen(more) - 2 : 0, more ? more + 1 : "");
                assert_true(n < sizeof(json));
        }
        snprintf(json + n, sizeof(json) - n, "]}");
        return core_fixture_dag(json);
}

/* Adds the DAG, giving the reference away. */
static inline _unused_ struct world_dag *core_fixture_put(struct world *w, struct dag *d) {
        struct world_dag *wd = NULL;
        struct errmsg em = {};

        if (world_put_dag(w, d, zone_utc(), &wd, &em) < 0)
                fail_msg("%s", em.text);
        dag_unref(d);
        return wd;
}

static inline _unused_ int core_fixture_apply(struct world *w, const struct world_event *e) {
        struct world_touched touched;

        return world_apply(w, e, &touched);
}

static inline _unused_ struct world_run *core_fixture_run(struct world *w, struct world_dag *wd,
                                                          const char *run_id, usec_t at) {
        struct world_event e = {.kind = WORLD_RUN_CREATED,
                                .at = at,
                                .dag = wd,
                                .run_id = run_id,
                                .run_type = RUN_TYPE_MANUAL,
                                .when = {at, at, at, at}};

        assert_int_equal(core_fixture_apply(w, &e), 0);
        return world_get_run(wd, run_id);
}

/* What a mapped task gets whose values are another's. */
static _unused_ unsigned core_fixture_n_maps = 2;

static inline _unused_ void core_fixture_count(void *userdata, struct world_event *e) {
        if (expand_count_written(e->task->spec, &e->n_maps) == EXPAND_NEEDS_XCOM)
                e->n_maps = core_fixture_n_maps;
}

/* Plans and applies until nothing is left to do; tries get ids t1, t2, … `expanded` says into how
 * many instances a mapped task goes, or makes another event of that. Answers when to wake. */
static inline _unused_ usec_t core_fixture_decide_by(struct world *w, usec_t now,
                                                     void (*expanded)(void *userdata,
                                                                      struct world_event *e),
                                                     void *userdata) {
        static unsigned n_tries;
        struct plan plan = {};
        usec_t wake_at;

        for (unsigned n = 0; n < 1000; n++) {
                assert_int_equal(plan_next(w, now, &plan), 0);
                if (plan.n == 0)
                        break;
                for (size_t i = 0; i < plan.n; i++) {
                        char run_id[PLAN_RUN_ID_SIZE], try_id[WORLD_ID_SIZE];
                        struct world_event e;

                        snprintf(try_id, sizeof(try_id), "t%u", ++n_tries);
                        plan_event(&plan.decisions[i], now, try_id, run_id, &e);
                        if (e.kind == WORLD_TASK_EXPANDED)
                                expanded(userdata, &e);
                        assert_int_equal(core_fixture_apply(w, &e), 0);
                }
        }
        assert_int_equal(plan.n, 0);
        wake_at = plan.wake_at;
        plan_done(&plan);
        return wake_at;
}

static inline _unused_ usec_t core_fixture_decide(struct world *w, usec_t now) {
        return core_fixture_decide_by(w, now, core_fixture_count, NULL);
}

static inline _unused_ struct world_task *core_fixture_task(struct world_run *run, const char *id) {
        struct world_task *t = world_get_task(run, id, -1);

        assert_non_null(t);
        return t;
}

static inline _unused_ void core_fixture_start(struct world *w, struct world_task *t, usec_t at) {
        struct world_event e = {
                .kind = WORLD_TRY_STARTED, .at = at, .task = t, .try_id = t->try_id};

        assert_int_equal(core_fixture_apply(w, &e), 0);
}

static inline _unused_ void core_fixture_end(struct world *w, struct world_task *t,
                                             enum world_result result, usec_t at) {
        struct world_event e = {.kind = WORLD_TRY_ENDED,
                                .at = at,
                                .task = t,
                                .try_id = t->try_id,
                                .result = result};

        assert_int_equal(core_fixture_apply(w, &e), 0);
}
