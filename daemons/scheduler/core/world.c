#include "daemons/scheduler/core/world.h"

#include <errno.h>

#include "daemons/scheduler/core/world_index.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define DEFAULT_POOL "default_pool"
#define DEFAULT_POOL_SLOTS 128

static const char *const stop_names[_WORLD_STOP_MAX] = {
        [WORLD_STOP_NONE] = "none",
        [WORLD_STOP_TIMEOUT] = "timeout",
        [WORLD_STOP_RUN_TIMEOUT] = "run_timeout",
        [WORLD_STOP_CLEARED] = "cleared",
        [WORLD_STOP_MARKED] = "marked",
};

int world_init(struct world *w, unsigned parallelism) {
        assert(parallelism > 0);
        *w = (struct world){.parallelism = parallelism};
        TAILQ_INIT(&w->dags);
        TAILQ_INIT(&w->pools);
        TAILQ_INIT(&w->active);
        TAILQ_INIT(&w->settle);
        TAILQ_INIT(&w->retry);
        TAILQ_INIT(&w->live);
        strmap_init(&w->dag_map, NULL);
        return world_put_pool(w, DEFAULT_POOL, DEFAULT_POOL_SLOTS);
}

/* --- DAGs ------------------------------------------------------------------------------------- */

int world_put_dag(struct world *w, struct dag *d, const struct zone *zone, struct world_dag **ret,
                  struct errmsg *em) {
        struct world_dag *wd = world_get_dag(w, d->id);
        struct timetable tt;
        int r;

        r = timetable_init(&tt, d, zone, em);
        if (r < 0)
                return r;
        if (!wd) {
                wd = mem_new(struct world_dag);
                if (!wd || strmap_add(&w->dag_map, d->id, wd) < 0) {
                        mem_free(wd);
                        return -ENOMEM;
                }
                LIST_INIT(&wd->runs);
                wd->paused = d->paused_at_creation;
                TAILQ_INSERT_TAIL(&w->dags, wd, in_world);
        }
        dag_ref(d);
        dag_unref(wd->spec);
        wd->spec = d;
        wd->timetable = tt;
        wd->gone = false;
        wd->next_known = false;
        *ret = wd;
        return 0;
}

struct world_dag *world_get_dag(const struct world *w, const char *dag_id) {
        return strmap_get(&w->dag_map, dag_id);
}

void world_set_last(struct world_dag *wd, const struct timetable_run *last) {
        wd->last = *last;
        wd->has_last = true;
        wd->next_known = false;
}

void world_set_paused(struct world_dag *wd, bool paused) {
        wd->paused = paused;
        wd->next_known = false;
}

int world_next_run(struct world_dag *wd, usec_t now, struct timetable_run *ret) {
        if (!wd->next_known || (wd->has_next && wd->next.run_after_at <= now)) {
                const struct timetable_run *last = wd->has_last ? &wd->last : NULL;

                wd->has_next = timetable_next(&wd->timetable, last, now, &wd->next) == 0;
                wd->next_known = true;
        }
        if (!wd->has_next)
                return 1;
        assert(wd->next.interval_end_at <= wd->next.run_after_at);
        *ret = wd->next;
        return 0;
}

/* --- pools ------------------------------------------------------------------------------------ */

int world_put_pool(struct world *w, const char *name, unsigned n_slots) {
        struct world_pool *p = world_get_pool(w, name);

        if (!p) {
                p = mem_new(struct world_pool);
                if (!p)
                        return -ENOMEM;
                p->name = mem_strdup(name);
                if (!p->name) {
                        mem_free(p);
                        return -ENOMEM;
                }
                TAILQ_INSERT_TAIL(&w->pools, p, in_world);
        }
        p->n_slots = n_slots;
        return 0;
}

struct world_pool *world_get_pool(const struct world *w, const char *name) {
        struct world_pool *p;

        TAILQ_FOREACH(p, &w->pools, in_world)
        if (str_eq(p->name, name))
                return p;
        return NULL;
}

/* --- runs ------------------------------------------------------------------------------------- */

/* What runs of one DAG are ordered by. */
static usec_t order_at(const struct world_run *run) {
        return run->when.logical_at != USEC_INFINITY ? run->when.logical_at
                                                     : run->when.run_after_at;
}

/* Latest first; of equal ones the later arrival first. */
static void sort_in(struct world_run *run) {
        struct world_run *other, *before = NULL;

        LIST_REMOVE(run, in_dag);
        LIST_FOREACH(other, &run->dag->runs, in_dag) {
                if (order_at(other) <= order_at(run))
                        break;
                before = other;
        }
        if (before)
                LIST_INSERT_AFTER(before, run, in_dag);
        else
                LIST_INSERT_HEAD(&run->dag->runs, run, in_dag);
}

static void init_task(struct world_task *t, struct world_run *run, const struct dag_task *spec) {
        *t = (struct world_task){
                .state = TASK_NONE,
                .max_tries = spec->retries,
                .queued_at = USEC_INFINITY,
                .started_at = USEC_INFINITY,
                .ended_at = USEC_INFINITY,
                .retry_at = USEC_INFINITY,
                .run = run,
                .spec = spec,
                .map_index = -1,
                .counts = {.n_upstream = (unsigned) spec->n_upstream},
        };
        for (size_t i = 0; i < spec->n_upstream; i++)
                t->counts.n_setup += run->spec->tasks[spec->upstream[i]].is_setup;
}

static void free_run(struct world_run *run) {
        dag_unref(run->spec);
        mem_free(run->tasks);
        mem_free(run->conf);
        mem_free(run->id);
        mem_free(run);
}

int world_restore_run(struct world *w, struct world_dag *wd, struct dag *spec, const char *run_id,
                      struct world_run **ret) {
        struct world_run *run;

        if (world_get_run(wd, run_id))
                return -EEXIST;
        run = mem_new(struct world_run);
        if (!run)
                return -ENOMEM;
        run->spec = dag_ref(spec);
        run->id = mem_strdup(run_id);
        run->tasks = mem_zalloc_array(spec->n_tasks + 1, sizeof(*run->tasks));
        if (!run->id || !run->tasks) {
                free_run(run);
                return -ENOMEM;
        }
        run->dag = wd;
        run->seq = w->next_seq++;
        run->queued_at = run->started_at = run->ended_at = USEC_INFINITY;
        for (size_t i = 0; i < spec->n_tasks; i++)
                init_task(&run->tasks[i], run, &spec->tasks[i]);
        LIST_INSERT_HEAD(&wd->runs, run, in_dag);
        *ret = run;
        return 0;
}

int world_restore_run_done(struct world *w, struct world_run *run) {
        assert(!run->indexed);
        sort_in(run);
        return world_index_add_run(w, run);
}

struct world_run *world_get_run(const struct world_dag *wd, const char *run_id) {
        struct world_run *run;

        LIST_FOREACH(run, &wd->runs, in_dag)
        if (str_eq(run->id, run_id))
                return run;
        return NULL;
}

struct world_task *world_get_task(const struct world_run *run, const char *task_id, int map_index) {
        const struct dag_task *spec = dag_get_task(run->spec, task_id);

        assert(!spec || spec->index < run->spec->n_tasks);
        return spec && map_index == -1 ? &run->tasks[spec->index] : NULL;
}

static bool has_date(const struct world_run *run) {
        return run->when.logical_at != USEC_INFINITY;
}

struct world_run *world_prev_run(const struct world_run *run) {
        struct world_run *prev = LIST_NEXT(run, in_dag);

        if (!has_date(run))
                return NULL;
        while (prev && !has_date(prev))
                prev = LIST_NEXT(prev, in_dag);
        return prev;
}

struct world_run *world_next_of(const struct world_run *run) {
        struct world_run *next = NULL, *other;

        if (!has_date(run))
                return NULL;
        LIST_FOREACH(other, &run->dag->runs, in_dag) {
                if (other == run)
                        return next;
                if (has_date(other))
                        next = other;
        }
        assert(!"a run stands in the list of its DAG");
        return NULL;
}

bool world_may_forget_run(const struct world_run *run) {
        const struct world_run *next;

        if (!run_state_is_finished(run->state) || run->n_live > 0)
                return false;
        if (!run->dag->spec->uses_past || !has_date(run))
                return true;
        next = world_next_of(run);
        return next && run_state_is_finished(next->state);
}

void world_forget_run(struct world *w, struct world_run *run) {
        assert(run->n_live == 0 || run->indexed);
        world_index_remove_run(w, run);
        LIST_REMOVE(run, in_dag);
        free_run(run);
}

void world_sweep(struct world *w, struct world_dag *wd) {
        struct world_run *run = LIST_FIRST(&wd->runs), *older;

        for (; run; run = older) {
                older = LIST_NEXT(run, in_dag);
                if (world_may_forget_run(run))
                        world_forget_run(w, run);
        }
}

unsigned world_task_failures(const struct world_task *t) {
        unsigned retries = t->spec->retries, spared = t->max_tries - MIN(t->max_tries, retries);

        assert(spared <= t->max_tries);
        return t->try_number - MIN(t->try_number, spared);
}

const char *world_stop_name(enum world_stop s) {
        assert(s < _WORLD_STOP_MAX);
        return stop_names[s];
}

int world_stop_parse(const char *name, enum world_stop *ret) {
        for (enum world_stop s = 0; s < _WORLD_STOP_MAX; s++)
                if (str_eq(stop_names[s], name)) {
                        *ret = s;
                        return 0;
                }
        return 1;
}

void world_done(struct world *w) {
        struct world_dag *wd;
        struct world_pool *p;

        while ((wd = TAILQ_FIRST(&w->dags))) {
                while (!LIST_EMPTY(&wd->runs))
                        world_forget_run(w, LIST_FIRST(&wd->runs));
                TAILQ_REMOVE(&w->dags, wd, in_world);
                dag_unref(wd->spec);
                mem_free(wd);
        }
        assert(w->n_live == 0 && w->n_ready == 0);
        while ((p = TAILQ_FIRST(&w->pools))) {
                TAILQ_REMOVE(&w->pools, p, in_world);
                mem_free(p->name);
                mem_free(p);
        }
        strmap_done(&w->dag_map);
        mem_free(w->ready);
        *w = (struct world){};
}
